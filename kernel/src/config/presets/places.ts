import { isObject } from '@ccr/sdk'

/** A key of an object, or an index of a list. */
export type PlaceKey = string | number

const PART = /(?:^|\.)([A-Za-z_$][\w$-]*)|\[(\d{1,3})\]/y

/** The keys of a place such as `Providers[0].api_key`; nothing when it is not one. */
export function parsePlace(text: string): readonly PlaceKey[] | undefined {
  if (text.startsWith('.')) return undefined
  const keys: PlaceKey[] = []
  PART.lastIndex = 0
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text)
    if (match === null) return undefined
    keys.push(match[1] ?? Number(match[2]))
  }
  return typeof keys[0] === 'string' ? keys : undefined
}

/** A copy of a value with another one at a place; lists and objects on the way are made where they are missing. */
export function withValueAt(whole: unknown, keys: readonly PlaceKey[], value: unknown): unknown {
  const [key, ...rest] = keys
  if (key === undefined) return value
  if (typeof key === 'number') {
    const list: readonly unknown[] = Array.isArray(whole) ? whole : []
    const length = Math.max(list.length, key + 1)
    return Array.from({ length }, (_, index) =>
      index === key ? withValueAt(list[index], rest, value) : (list[index] ?? {}),
    )
  }
  const object = isObject(whole) ? whole : {}
  const below: unknown = Object.hasOwn(object, key) ? object[key] : undefined
  return { ...object, [key]: withValueAt(below, rest, value) }
}
