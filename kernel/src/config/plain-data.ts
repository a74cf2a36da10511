import { CcrError } from '@ccr/sdk'
import { namesOf } from './aliases.ts'
import { joinPointer } from './pointer.ts'

/** How deep a config may be nested. */
const MAX_DEPTH = 100

/**
 * A copy of a config that holds plain data only, so that it can be compared, hashed and merged.
 *
 * @param at gives the place of a JSON pointer, for the error
 * @throws CcrError `CCR_CONFIG_SCHEMA`
 */
export function plainData(value: unknown, at: (pointer: string) => string): Readonly<Record<string, unknown>> {
  if (!isPlainObject(value)) throw refuse('', 'must be an object. Write { … } around its keys.', at)
  return copy(value, '', 0, at) as Readonly<Record<string, unknown>>
}

/** Whether a value is an object that was made by a literal or a parser. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isInstance(value)
}

// Code is evaluated in this realm, so a prototype other than Object's own means an instance of a class.
function isInstance(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype !== null && prototype !== Object.prototype
}

/** Objects are merged key by key; anything else, lists too, is replaced. */
export function merge(
  base: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(base, key) ? base[key] : undefined
    merged[key] = isPlainObject(below) && isPlainObject(value) ? merge(below, value) : value
  }
  return merged
}

/** What a plugin makes of `null` in its options is its own business. */
const WITH_OPTIONS: readonly string[] = [...namesOf('plugins'), 'transformer']

/**
 * A member that is `null` counts as absent, as it always did to those who only asked whether there is one; but for
 * those of entries of plugins and transformers, with their options.
 */
export function withoutNulls(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const said = Object.entries(config).filter(([, value]) => value !== null)
  return Object.fromEntries(said.map(([key, value]) => [key, WITH_OPTIONS.includes(key) ? value : cleared(value)]))
}

function cleared(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cleared)
  return isPlainObject(value) ? withoutNulls(value) : value
}

function copy(value: unknown, pointer: string, depth: number, at: (pointer: string) => string): unknown {
  if (depth > MAX_DEPTH) throw refuse(pointer, `is nested deeper than ${MAX_DEPTH} levels. Flatten it.`, at)
  if (Array.isArray(value)) return value.map((item, index) => copy(item, joinPointer(pointer, index), depth + 1, at))
  if (isPlainObject(value)) {
    const copied: Record<string, unknown> = {}
    for (const [key, item] of Object.entries(value)) {
      const place = joinPointer(pointer, key)
      if (key === '__proto__') throw refuse(place, 'is a key that is never accepted. Remove it.', at)
      if (item !== undefined) copied[key] = copy(item, place, depth + 1, at)
    }
    return copied
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  const found =
    typeof value === 'object' ? 'an instance of a class' : typeof value === 'number' ? value : `a ${typeof value}`
  throw refuse(pointer, `is ${String(found)}. Write text, a finite number, true, false, null, a list or an object.`, at)
}

function refuse(pointer: string, fact: string, at: (pointer: string) => string): CcrError {
  const place = at(pointer)
  return new CcrError('CCR_CONFIG_SCHEMA', `${place}: ${pointer === '' ? 'the config' : pointer} ${fact}`, {
    at: place,
  })
}
