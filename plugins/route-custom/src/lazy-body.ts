import type { CanonicalRequest } from '@ccr/sdk'

/** A request that its receiver may change without changing the one it was made from. */
export interface LazyBody {
  readonly body: Record<string, unknown>
  /**
   * The request with what was changed; nothing when nothing was.
   *
   * @throws TypeError when what it was changed to is no JSON
   */
  changed(): CanonicalRequest | undefined
}

/**
 * A copy of a request whose fields are copied when they are first read, so that code which looks at the model does not
 * cost a copy of the whole conversation.
 */
export function lazyBody(request: CanonicalRequest): LazyBody {
  const body: Record<string, unknown> = {}
  const copies = new Map<string, unknown>()
  for (const key of Object.keys(request)) {
    Object.defineProperty(body, key, {
      configurable: true,
      enumerable: true,
      get: () => {
        if (!copies.has(key)) copies.set(key, structuredClone(request[key]))
        return copies.get(key)
      },
      set: (value: unknown) => void copies.set(key, value),
    })
  }
  const isChanged = (key: string): boolean => {
    if (!Object.hasOwn(request, key)) return true
    const own = Object.getOwnPropertyDescriptor(body, key)
    if (own?.get && !copies.has(key)) return false
    return !isSame(body[key], request[key])
  }
  return {
    body,
    changed: () => {
      const keys = Object.keys(body)
      const gone = Object.keys(request).filter((key) => !Object.hasOwn(body, key))
      const changed = keys.filter(isChanged)
      if (changed.length === 0 && gone.length === 0) return undefined
      const result: Record<string | symbol, unknown> = {}
      // What dialects note beside the fields is no part of the body.
      for (const note of Object.getOwnPropertySymbols(request)) result[note] = Reflect.get(request, note)
      for (const key of keys) {
        const value = changed.includes(key) ? asSent(body[key]) : request[key]
        if (value !== undefined) result[key] = value
      }
      // Whether it is still a request is checked before it is used.
      return result as unknown as CanonicalRequest
    },
  }
}

/** A copy of a value as it will be sent. */
function asSent(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined
  return text === undefined ? undefined : JSON.parse(text)
}

function isSame(first: unknown, second: unknown): boolean {
  return first === second || JSON.stringify(first) === JSON.stringify(second)
}
