import { CcrError } from '@ccr/sdk'
import { ALIASES } from '../config/aliases.ts'
import { isPlainObject, withoutNulls } from '../config/plain-data.ts'
import { isExecutableKey } from '../config/presets/data-only.ts'
import { isFileText } from '../config/presets/file-text.ts'
import type { PresetInput, PluginPin } from '../config/presets/schema.ts'
import { KernelConfig } from '../config/schema.ts'
import { isNamedPrivate, isPairedPrivate, isPrivateField, looksPrivate } from '../config/private-text.ts'
import { collectSecrets, isSecretField } from '../config/secrets.ts'

/** What a preset is made from. */
export interface ExportInput {
  /** The config as it is written, with `$NAME` in it. */
  readonly written: Readonly<Record<string, unknown>>
  /** The config as it is used, whose secrets must not occur in the result. */
  readonly used: Readonly<Record<string, unknown>>
  /** More values that must not occur. */
  readonly secrets: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
  /** Config sections that installed plugins read. */
  readonly sections: ReadonlySet<string>
  /** Plugins that were installed by a command and are in use. */
  readonly pins: readonly PluginPin[]
}

/** A manifest, and what of the config could not become part of it. */
export interface ExportedPreset {
  readonly manifest: Readonly<Record<string, unknown>>
  readonly leftOut: readonly string[]
}

const ALWAYS = ['Providers', 'Router']
const VARIABLE = /\$(?:\$|\{([^}]+)\}|([A-Z_][A-Z0-9_]*))/g
/** How the keys of some begin, whatever they are called. */
const BEGINNINGS = 'gsk_|gh[pousr]_|github_pat_|xox[abps]-|AIza|AKIA|ya29\\.|hf_|nvapi-|r8_|xai-|pplx-|tvly-'
const BEGINNING = new RegExp(`\\b(?:${BEGINNINGS})[-_.A-Za-z0-9]{8,}`)

/**
 * Makes a preset of a config: where models are, the routes, and the sections of plugins. In the place of every secret
 * and every environment variable stands an input; settings of this machine are left out.
 */
export function exportPreset(from: ExportInput): ExportedPreset {
  const { written, used, metadata, sections, pins } = from
  const leftOut: string[] = []
  const questions = new Questions([...collectSecrets(used, []), ...from.secrets])
  for (const [key, value] of Object.entries(metadata)) {
    for (const text of [value].flat()) {
      if (typeof text !== 'string' || !questions.isSecret(text)) continue
      throw new CcrError('CCR_PRESET_INVALID', `the ${key} of the preset holds a key or looks like one. Change it.`)
    }
  }
  const config: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(withoutNulls(written))) {
    const name = key === ALIASES.Providers ? 'Providers' : key
    if (name !== 'Providers' && Object.hasOwn(KernelConfig.properties, name)) continue
    if (!ALWAYS.includes(name) && !sections.has(name)) leftOut.push(`${name}: no installed plugin reads it`)
    else if (isExecutableKey(name)) leftOut.push(`${name}: it names a file`)
    else {
      const position = { key: name, place: name, entity: '', isSecret: isPrivateField(name), questions, leftOut }
      config[name] = withQuestions(value, position)
    }
  }
  const schema = questions.inputs
  const manifest = {
    ...metadata,
    ...(schema.length > 0 && { schema }),
    ...(pins.length > 0 && {
      plugins: pins.map(({ name, version, integrity }) => ({ name, version, integrity })),
    }),
    ...config,
  }
  return { manifest, leftOut }
}

interface Position {
  readonly key: string
  /** Where it stands, for people. */
  readonly place: string
  /** The provider that it belongs to. */
  readonly entity: string
  /** All below is secret, whatever it is called there. */
  readonly isSecret: boolean
  readonly questions: Questions
  readonly leftOut: string[]
}

function withQuestions(value: unknown, position: Position): unknown {
  const { questions, key, place, entity, isSecret, leftOut } = position
  if (typeof value === 'string') return questions.replace(value, key, entity, isSecret)
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => {
      const at = { ...position, place: `${place}[${index}]`, entity: entity || nameOf(item, questions) }
      if (!isExecutable(item, key))
        return [withQuestions(item, { ...at, isSecret: isSecret || isPairedPrivate(index, value) })]
      leftOut.push(`${at.place}: it names a file or command`)
      return []
    })
  }
  if (typeof value === 'number' && isSecret) return questions.replace(String(value), key, entity, true)
  if (!isPlainObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([inner, item]) => {
      if (questions.isSecret(inner)) {
        leftOut.push(`${place}: one of its keys is secret`)
        return []
      }
      const isInner = isSecret || isNamedPrivate(inner, value) || isPrivateField(inner)
      const at = { ...position, key: inner, place: `${place}.${inner}`, isSecret: isInner }
      if (!isExecutable(item, inner)) return [[inner, withQuestions(item, at)]]
      leftOut.push(`${at.place}: it names a file or command`)
      return []
    }),
  )
}

/** What no preset may bring: of a list whose item holds it, the item goes; what lies around it stays. */
function isExecutable(item: unknown, key: string): boolean {
  if (isExecutableKey(key)) return true
  return typeof item === 'string' && isFileText(item)
}

function nameOf(item: unknown, questions: Questions): string {
  const name = isPlainObject(item) ? item['name'] : undefined
  return typeof name === 'string' && !questions.isSecret(name) ? name : ''
}

/** Collects the inputs of a manifest while texts are replaced by their placeholders. */
class Questions {
  readonly #secrets: readonly string[]
  readonly #ids = new Map<string, string>()
  readonly #inputs: PresetInput[] = []

  constructor(secrets: readonly string[]) {
    this.#secrets = [...new Set(secrets)].sort((first, second) => second.length - first.length)
  }

  get inputs(): readonly PresetInput[] {
    return this.#inputs
  }

  /** A text, or the placeholder of an input where it says something that only its owner may know. */
  replace(text: string, key: string, entity: string, isPrivate: boolean): string {
    const variables = [...text.matchAll(VARIABLE)].flatMap(([, braced, bare]) => braced ?? bare ?? [])
    const isSecret = (isPrivate && text !== '') || this.isSecret(text) || variables.some(isSecretName)
    if (!isSecret && variables.length === 0) {
      const literal = text.replaceAll('$$', '$')
      // What is left would be taken for a variable.
      return /\$(?:\{|[A-Z_])/.test(literal) ? this.#ask(text, key, entity, false) : literal
    }
    return this.#ask(text, key, entity, isSecret)
  }

  /** Whether a text holds a known secret, or what looks like one. */
  isSecret(text: string): boolean {
    return this.#secrets.some((secret) => text.includes(secret)) || looksPrivate(text) || BEGINNING.test(text)
  }

  /** Equal texts are one input. */
  #ask(text: string, key: string, entity: string, isSecret: boolean): string {
    const field = `${key}\0${text}`
    const known = this.#ids.get(`${entity}\0${field}`)
    if (known !== undefined) return `#{${known}}`
    const id = this.#freeId(toId(entity === '' ? key : `${entity}_${key}`))
    this.#ids.set(`${entity}\0${field}`, id)
    const label = entity === '' ? key : `${key} of ${entity}`
    this.#inputs.push({ id, type: isSecret ? 'password' : 'input', label, required: true })
    return `#{${id}}`
  }

  #freeId(wanted: string): string {
    const taken = new Set(this.#inputs.map(({ id }) => id))
    for (let count = 1; ; count++) {
      const id = count === 1 ? wanted : `${wanted}_${count}`
      if (!taken.has(id)) return id
    }
  }
}

function isSecretName(variable: string): boolean {
  return isSecretField(variable.toLowerCase())
}

function toId(text: string): string {
  const id = text
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase()
    .slice(0, 56)
  return /^[a-z_]/.test(id) ? id : `input_${id}`
}
