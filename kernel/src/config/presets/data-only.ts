import { isPlainObject } from '../plain-data.ts'
import { joinPointer } from '../pointer.ts'
import { KernelConfig } from '../schema.ts'
import { hasCredentials, isSecretField } from '../secrets.ts'
import { isFileText } from './file-text.ts'
import { parsePlace } from './places.ts'
import { PLACEHOLDER } from './placeholders.ts'
import { CLIENT_KEYS, type PresetInput, type PresetManifest } from './schema.ts'

/** Something in a manifest that is not plain configuration. */
export interface Refusal {
  readonly pointer: string
  /** The end of a sentence that begins with the pointer. */
  readonly fact: string
  readonly remedy: string
}

const POLLUTING = /^(?:__proto__|constructor|prototype)$/
const EXECUTABLE = /(?:path|script|command|exec|executable|shell|binary|argv)s?$|^(?:script|command|exec)/i
const FILE_KEY = /(?:^|[_-])(?:file|folder|directory|dir)s?$|[a-z](?:File|Folder|Directory|Dir)s?$/
/** Sections that name files although they are called otherwise. */
const FILE_SECTIONS = ['REWRITE_SYSTEM_PROMPT', 'transformers']
const VARIABLE = /\$(?:\{|[A-Z_])/

/** Whether a key names something that is read or run as a file, which no preset may bring. */
export function isExecutableKey(key: string): boolean {
  return EXECUTABLE.test(key) || FILE_KEY.test(key) || FILE_SECTIONS.includes(key)
}

/**
 * The first thing in a manifest that makes it more than data: code, paths, commands, variables of the environment, keys
 * in clear, settings of the router as a whole.
 */
export function findRefusal(manifest: PresetManifest, configKeys: readonly string[]): Refusal | undefined {
  for (const key of configKeys) {
    const found = topLevel(key, joinPointer('', key)) ?? scan(manifest[key], joinPointer('', key), key)
    if (found !== undefined) return found
  }
  for (const [key, value] of Object.entries(manifest.template ?? {})) {
    const pointer = joinPointer('/template', key)
    const found = topLevel(key, pointer) ?? scan(value, pointer, key)
    if (found !== undefined) return found
  }
  for (const [index, { target, value }] of (manifest.configMappings ?? []).entries()) {
    const pointer = joinPointer('/configMappings', index)
    const last = parsePlace(target)?.findLast((key) => typeof key === 'string') ?? ''
    const found = placeFault(target, `${pointer}/target`) ?? scan(value, `${pointer}/value`, String(last))
    if (found !== undefined) return found
  }
  for (const [index, input] of (manifest.schema ?? []).entries()) {
    const pointer = joinPointer('/schema', index)
    const place = /[.[]/.test(input.id) ? placeFault(input.id, `${pointer}/id`) : undefined
    const key = input.type === 'password' ? 'password' : input.id
    const found =
      place ?? scan(input.defaultValue, `${pointer}/defaultValue`, key) ?? scanOptions(input.options, pointer)
    if (found !== undefined) return found
  }
  return undefined
}

/** What is offered becomes the answer of whoever sees only its label. */
function scanOptions(options: PresetInput['options'], pointer: string): Refusal | undefined {
  const [place, items] = Array.isArray(options)
    ? (['options', options] as const)
    : (['options/options', options?.type === 'static' ? options.options : []] as const)
  for (const [index, { value }] of items.entries()) {
    const found = scan(value, `${pointer}/${place}/${index}/value`, 'value')
    if (found !== undefined) return found
  }
  return undefined
}

/** A preset may set what belongs to plugins, and of the kernel's keys only where models are and the client's. */
function topLevel(key: string, pointer: string): Refusal | undefined {
  const own = key === 'Providers' || CLIENT_KEYS.includes(key)
  if (own || !Object.hasOwn(KernelConfig.properties, key)) return undefined
  const fact = 'belongs to the router, which a preset may not set'
  return { pointer, fact, remedy: 'Remove it; users set it in their own config.' }
}

function placeFault(place: string, pointer: string): Refusal | undefined {
  const keys = parsePlace(place)
  if (keys === undefined) {
    return { pointer, fact: 'is not a place of the config', remedy: 'Write it like Providers[0].api_key.' }
  }
  const bad = keys.find((key) => typeof key === 'string' && POLLUTING.test(key))
  if (bad !== undefined) return polluting(pointer)
  const executable = keys.find((key) => typeof key === 'string' && isExecutableKey(key))
  return topLevel(String(keys[0]), pointer) ?? (executable === undefined ? undefined : runs(pointer))
}

function scan(value: unknown, pointer: string, key: string): Refusal | undefined {
  if (POLLUTING.test(key)) return polluting(pointer)
  if (isExecutableKey(key)) return runs(pointer)
  if (typeof value === 'string') return scanText(value, pointer, key)
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const found = scan(item, joinPointer(pointer, index), key)
      if (found !== undefined) return found
    }
  } else if (isPlainObject(value)) {
    for (const [inner, item] of Object.entries(value)) {
      const found = scan(item, joinPointer(pointer, inner), inner)
      if (found !== undefined) return found
    }
  }
  return undefined
}

function scanText(text: string, pointer: string, key: string): Refusal | undefined {
  if (VARIABLE.test(text)) {
    const remedy = 'Ask for the value in schema, and write #{id}.'
    return { pointer, fact: 'names an environment variable, which presets never read', remedy }
  }
  if (isFileText(text)) {
    return { pointer, fact: 'names a file, and a preset is data only', remedy: 'Remove it.' }
  }
  const clear = text.replace(PLACEHOLDER, '').replace(/^(?:bearer|basic|token)\b/i, '')
  if ((isSecretField(key) && clear.trim() !== '') || hasCredentials(text, isSecretField)) {
    const remedy = 'Ask for it in schema with type password, and write #{id}.'
    return { pointer, fact: 'holds a key or credentials, which a preset may not bring', remedy }
  }
  return undefined
}

function polluting(pointer: string): Refusal {
  return { pointer, fact: 'is a key that is never accepted', remedy: 'Remove it.' }
}

function runs(pointer: string): Refusal {
  return { pointer, fact: 'names a file or command, and a preset is data only', remedy: 'Remove it.' }
}
