import { isObject, type JsonObject } from '@ccr/sdk'
import type { Findings } from './words.ts'

/** How a schema is filled. */
export interface FillOptions {
  /** Paths, commands and URLs are only ever taken from the text as they stand there, never made up. */
  readonly literal: boolean
}

/**
 * A value that fits a JSON Schema, its required properties filled from what the user wrote. Nothing when a property
 * cannot be filled.
 */
export function fillSchema(schema: JsonObject, findings: Findings, options: FillOptions): unknown {
  return new Filler(schema, findings, options).value('', schema, 0)
}

/** Deeper schemas, and those that refer to themselves, are not filled. */
const MAX_DEPTH = 12

class Filler {
  readonly #root: JsonObject
  readonly #text: string
  readonly #literal: boolean
  // Each finding is used once, so that two properties get two values.
  readonly #quoted: string[]
  readonly #paths: string[]
  readonly #urls: string[]
  readonly #numbers: number[]

  constructor(root: JsonObject, findings: Findings, options: FillOptions) {
    this.#root = root
    this.#text = findings.text
    this.#literal = options.literal
    this.#quoted = [...findings.quoted]
    this.#paths = [...findings.paths]
    this.#urls = [...findings.urls]
    this.#numbers = [...findings.numbers]
  }

  value(name: string, given: unknown, depth: number): unknown {
    if (given === true) return this.#text
    if (!isObject(given) || depth > MAX_DEPTH) return undefined
    const schema = this.#resolve(given)
    if (!schema) return undefined
    if ('const' in schema) return schema['const']
    if (Array.isArray(schema['enum'])) return schema['enum'][0]
    const choices = schema['anyOf'] ?? schema['oneOf']
    if (Array.isArray(choices)) {
      const choice: unknown = choices.find((one) => isObject(one) && one['type'] !== 'null') ?? choices[0]
      const { anyOf: _any, oneOf: _one, ...shared } = schema
      return this.value(name, isObject(choice) ? { ...shared, ...choice } : choice, depth + 1)
    }
    switch (typeOf(schema)) {
      case 'object':
        return this.#object(schema, depth)
      case 'array':
        return this.#array(name, schema, depth)
      case 'integer':
        return this.#number(schema, true)
      case 'number':
        return this.#number(schema, false)
      case 'boolean':
        return false
      case 'null':
        return null
      default:
        return this.#string(name, schema)
    }
  }

  #object(schema: JsonObject, depth: number): unknown {
    const properties = isObject(schema['properties']) ? schema['properties'] : {}
    const filled: [string, unknown][] = []
    for (const name of Array.isArray(schema['required']) ? (schema['required'] as unknown[]) : []) {
      if (typeof name !== 'string') continue
      const value = this.value(name, properties[name] ?? {}, depth + 1)
      if (value === undefined) return undefined
      filled.push([name, value])
    }
    return Object.fromEntries(filled)
  }

  #array(name: string, schema: JsonObject, depth: number): unknown {
    const length = typeof schema['minItems'] === 'number' ? schema['minItems'] : 0
    if (length > 100) return undefined
    const items: unknown[] = []
    while (items.length < length) {
      const item = this.value(name, schema['items'] ?? {}, depth + 1)
      if (item === undefined) return undefined
      items.push(item)
    }
    return items
  }

  #number(schema: JsonObject, whole: boolean): number | undefined {
    // Bounds that are no numbers are not bounds; comparing with them is false, so nothing fits.
    const bounds = schema as Readonly<Record<string, number | undefined>>
    const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, default: preset } = bounds
    const fits = (value: unknown): value is number =>
      typeof value === 'number' &&
      (!whole || Number.isInteger(value)) &&
      value >= (minimum ?? -Infinity) &&
      value <= (maximum ?? Infinity) &&
      value > (exclusiveMinimum ?? -Infinity) &&
      value < (exclusiveMaximum ?? Infinity)
    const found = this.#numbers.find(fits)
    if (found !== undefined) {
      this.#numbers.splice(this.#numbers.indexOf(found), 1)
      return found
    }
    const low = minimum ?? (exclusiveMinimum === undefined ? undefined : Math.floor(exclusiveMinimum) + 1)
    const high = maximum ?? (exclusiveMaximum === undefined ? undefined : Math.ceil(exclusiveMaximum) - 1)
    return [preset, 0, low, high, low === undefined ? undefined : Math.ceil(low)].find(fits)
  }

  #string(name: string, schema: JsonObject): string | undefined {
    const { minLength = 0, maxLength = Infinity } = schema as Readonly<Record<string, number | undefined>>
    // A pattern is anyone's regular expression: it is not run, so a text that must match one cannot be filled.
    if ('pattern' in schema) return undefined
    const fits = (text: string | undefined): text is string =>
      text !== undefined && [...text].length >= minLength && [...text].length <= maxLength
    const format = typeof schema['format'] === 'string' ? FORMATS[schema['format']] : undefined
    const literal = this.#literalString(name, schema)
    if (literal !== undefined && fits(literal.value)) return literal.value
    if (literal !== undefined && this.#literal) return undefined
    const quoted = this.#quoted.find(fits)
    if (format === undefined && quoted !== undefined) {
      this.#quoted.splice(this.#quoted.indexOf(quoted), 1)
      return quoted
    }
    const text = [...this.#text].slice(0, maxLength === Infinity ? undefined : maxLength).join('')
    const preset = typeof schema['default'] === 'string' ? schema['default'] : undefined
    return [format, preset, text, text.padEnd(minLength, '.')].find(fits)
  }

  /** For a property that means a path, a command or a URL: what the text says, if it says anything. */
  #literalString(name: string, schema: JsonObject): { readonly value: string | undefined } | undefined {
    if (isPathName(name)) {
      const value = this.#paths.shift()
      if (value !== undefined && this.#quoted.includes(value)) this.#quoted.splice(this.#quoted.indexOf(value), 1)
      return { value }
    }
    if (/^(?:command|cmd|script|code|sql)$/i.test(name)) return { value: this.#quoted.shift() }
    if (/ur[il]$/i.test(name) || schema['format'] === 'uri') return { value: this.#urls.shift() }
    return undefined
  }

  #resolve(schema: JsonObject): JsonObject | undefined {
    let current: unknown = schema
    for (let hops = 0; hops < MAX_DEPTH && isObject(current); hops++) {
      const reference: unknown = current['$ref']
      if (typeof reference !== 'string') return current
      if (!reference.startsWith('#/')) return undefined
      current = reference
        .slice(2)
        .split('/')
        .map((key) => decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~'))
        .reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), this.#root)
    }
    return undefined
  }
}

/** Whether a property of this name holds a path. */
export function isPathName(name: string): boolean {
  return /(?:^|_)(?:path|file|filename|dir|directory|folder|cwd)$|(?:Path|File|Dir)$/.test(name)
}

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': '2000-01-01T00:00:00Z',
  date: '2000-01-01',
  time: '00:00:00Z',
  email: 'demo@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
}

function typeOf(schema: JsonObject): unknown {
  const type = schema['type']
  if (Array.isArray(type)) return type.find((one) => one !== 'null') ?? 'null'
  return type ?? (isObject(schema['properties']) ? 'object' : undefined)
}
