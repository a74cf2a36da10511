import { hash, timingSafeEqual } from 'node:crypto'
import type { Refusal } from './failure-answer.ts'

/** Who may call an endpoint. */
export type Access = 'public' | 'data' | 'admin'

/** The keys of a router. */
export interface KeyOptions {
  /** Without one the data plane is open. */
  readonly dataKey: string | undefined
  readonly adminKey: string
}

/**
 * Decides by the keys of a request whether it may call an endpoint. Keys are compared by their hashes, in constant
 * time.
 */
export class Keys {
  readonly #data: Buffer | undefined
  readonly #admin: Buffer

  constructor({ dataKey, adminKey }: KeyOptions) {
    this.#data = dataKey === undefined ? undefined : digest(dataKey)
    this.#admin = digest(adminKey)
  }

  /** `undefined` lets the request in. */
  check(access: Access, rawHeaders: readonly string[]): Refusal | undefined {
    if (access === 'public' || (access === 'data' && !this.#data)) return undefined
    const given = credentials(rawHeaders).map(digest)
    const [first] = given
    if (!first) return unauthorized('a key is required, as `Authorization: Bearer …` or `x-api-key`')
    if (given.some((one) => !timingSafeEqual(one, first))) return unauthorized('the keys of this request disagree')
    const isAdmin = timingSafeEqual(first, this.#admin)
    const isData = this.#data !== undefined && timingSafeEqual(first, this.#data)
    if (access === 'admin' ? isAdmin : isData) return undefined
    if (isAdmin || isData)
      return { status: 403, type: 'permission_error', message: `this key does not open the ${access} endpoints` }
    return unauthorized('the key is not valid')
  }
}

function credentials(rawHeaders: readonly string[]): string[] {
  const found: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    const value = rawHeaders[at + 1]!
    if (name.length === 13 && name.toLowerCase() === 'authorization') found.push(value.replace(/^bearer +/i, ''))
    else if (name.length === 9 && name.toLowerCase() === 'x-api-key') found.push(value)
  }
  return found
}

function digest(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

function unauthorized(message: string): Refusal {
  return { status: 401, type: 'authentication_error', message }
}
