import type { JsonObject } from './canonical.ts'

/** Whether a value is an object with named fields, as JSON has them: neither `null` nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
