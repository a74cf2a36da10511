import { isPlainObject } from '../config/plain-data.ts'
import { isExecutableKey, isFileText } from '../config/presets/data-only.ts'
import type { PresetInput, PluginPin } from '../config/presets/schema.ts'
import { KernelConfig } from '../config/schema.ts'
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

const ALWAYS = ['Providers', 'Router', 'fallback']
const VARIABLE = /\$(?:\$|\{([^}]+)\}|([A-Z_][A-Z0-9_]*))/g
/** How keys begin, whatever they are called. */
const BEGINNINGS =
  '[spr]k-|gsk_|gh[pousr]_|github_pat_|xox[abps]-|AIza|AKIA|ya29\\.|eyJ|hf_|nvapi-|r8_|xai-|pplx-|tvly-'
const BEGINNING = new RegExp(`\\b(?:${BEGINNINGS})[-_.A-Za-z0-9]{8,}`)
/** Hexadecimal, as keys without a beginning are; names of models have no such runs. */
const HEXADECIMAL = /[0-9a-f]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i
const RUN = /[A-Za-z0-9+=]{24,}/g

/**
 * Makes a preset of a config: where models are, the routes, and the sections of plugins. In the place of every secret
 * and every environment variable stands an input; settings of this machine are left out.
 */
export function exportPreset(from: ExportInput): ExportedPreset {
  const { written, used, metadata, sections, pins } = from
  const leftOut: string[] = []
  const questions = new Questions([...collectSecrets(used, []), ...from.secrets])
  const config: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(written)) {
    const name = key === 'providers' ? 'Providers' : key
    if (name !== 'Providers' && Object.hasOwn(KernelConfig.properties, name)) continue
    if (!ALWAYS.includes(name) && !sections.has(name)) leftOut.push(`${name}: no installed plugin reads it`)
    else if (isExecutableKey(name)) leftOut.push(`${name}: it names a file`)
    else config[name] = withQuestions(value, { key: name, place: name, entity: '', questions, leftOut })
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
  readonly questions: Questions
  readonly leftOut: string[]
}

function withQuestions(value: unknown, position: Position): unknown {
  const { questions, key, place, entity, leftOut } = position
  if (typeof value === 'string') return questions.replace(value, key, entity)
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => {
      const at = { ...position, place: `${place}[${index}]`, entity: entity || nameOf(item) }
      if (!isExecutable(item, key)) return [withQuestions(item, at)]
      leftOut.push(`${at.place}: it names a file or command`)
      return []
    })
  }
  if (typeof value === 'number' && isSecretField(key)) return questions.replace(String(value), key, entity)
  if (!isPlainObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([inner, item]) => {
      const at = { ...position, key: inner, place: `${place}.${inner}` }
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

function nameOf(item: unknown): string {
  return isPlainObject(item) && typeof item['name'] === 'string' ? item['name'] : ''
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
  replace(text: string, key: string, entity: string): string {
    const variables = [...text.matchAll(VARIABLE)].flatMap(([, braced, bare]) => braced ?? bare ?? [])
    const isSecret = (isSecretField(key) && text !== '') || this.#holdsSecret(text) || variables.some(isSecretName)
    if (!isSecret && variables.length === 0) {
      const literal = text.replaceAll('$$', '$')
      // What is left would be taken for a variable.
      return /\$(?:\{|[A-Z_])/.test(literal) ? this.#ask(text, key, entity, false) : literal
    }
    return this.#ask(text, key, entity, isSecret)
  }

  #holdsSecret(text: string): boolean {
    if (this.#secrets.some((secret) => text.includes(secret)) || hasCredentials(text)) return true
    if (BEGINNING.test(text) || HEXADECIMAL.test(text)) return true
    return [...text.matchAll(RUN)].some(([run]) => /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run))
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

function hasCredentials(text: string): boolean {
  if (!text.includes('://') || !URL.canParse(text)) return false
  const { username, password, searchParams } = new URL(text)
  return username !== '' || password !== '' || [...searchParams.keys()].some(isSecretField)
}

function toId(text: string): string {
  const id = text
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase()
    .slice(0, 56)
  return /^[a-z_]/.test(id) ? id : `input_${id}`
}
