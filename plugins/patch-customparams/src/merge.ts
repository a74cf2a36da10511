import { isObject, type JsonObject } from '@ccr/sdk'

/**
 * A body with parameters: those that it lacks are added, and an object of its own is merged with the one that is given.
 * Whatever else it says stays. Gives the very body where that changes nothing.
 */
export function withParameters(body: JsonObject, parameters: JsonObject): JsonObject {
  return changed(body, parameters, (own, given) => (isObject(own) && isObject(given) ? merged(own, given) : own))
}

/** Two objects as one; what both say is as it is given. */
function merged(own: JsonObject, given: JsonObject): JsonObject {
  return changed(own, given, (inner, value) => (isObject(inner) && isObject(value) ? merged(inner, value) : value))
}

function changed(own: JsonObject, given: JsonObject, both: (own: unknown, given: unknown) => unknown): JsonObject {
  const news = Object.entries(given).flatMap(([key, value]): [string, unknown][] => {
    // Not what every object inherits, such as `constructor`.
    const before = Object.hasOwn(own, key) ? own[key] : undefined
    const after = before === undefined ? value : both(before, value)
    return after === before ? [] : [[key, after]]
  })
  // Keys of entries and of spreads are always defined, so that none of them reaches a prototype.
  return news.length === 0 ? own : { ...own, ...Object.fromEntries(news) }
}
