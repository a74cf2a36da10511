import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Refusal } from './failure-answer.ts'

/** Carries the router's key where a client's own credentials take up the ordinary headers. */
const OWN_HEADER = 'x-ccr-key'

/** Lengths of the names of the headers that hold a key and nothing else. */
const KEY_HEADERS: ReadonlySet<number> = new Set(['x-api-key', 'x-goog-api-key'].map(({ length }) => length))

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
  readonly #lengths: ReadonlySet<number>

  constructor({ dataKey, adminKey }: KeyOptions) {
    this.#lengths = new Set([dataKey ?? adminKey, adminKey].map(({ length }) => length))
    this.#data = dataKey === undefined ? undefined : digest(dataKey)
    this.#admin = digest(adminKey)
  }

  /** `undefined` lets the request in. */
  check(access: Access, rawHeaders: readonly string[]): Refusal | undefined {
    if (access === 'public' || (access === 'data' && !this.#data)) return undefined
    const given = credentials(rawHeaders, access === 'data').map(digest)
    const [first] = given
    if (!first) return unauthorized('a key is required, as `Authorization: Bearer …`, `x-api-key` or `x-goog-api-key`')
    if (given.some((one) => !timingSafeEqual(one, first))) return unauthorized('the keys of this request disagree')
    const isAdmin = timingSafeEqual(first, this.#admin)
    const isData = this.#data !== undefined && timingSafeEqual(first, this.#data)
    if (access === 'admin' ? isAdmin : isData) return undefined
    if (isAdmin || isData)
      return { status: 403, type: 'permission_error', message: `this key does not open the ${access} endpoints` }
    return unauthorized('the key is not valid')
  }

  /** Takes the router's own keys out of headers, so that they go nowhere; a client's own credentials stay. */
  takeOut(headers: IncomingHttpHeaders): void {
    // Without the router's own header, what opened the router stands in these.
    const opened = this.#data !== undefined && headers[OWN_HEADER] === undefined
    for (const name of ['authorization', 'x-api-key', 'x-goog-api-key']) {
      const value = headers[name]
      if (typeof value === 'string' && (opened || this.#isOurs(withoutScheme(value)))) delete headers[name]
    }
    if (headers[OWN_HEADER] !== undefined) delete headers[OWN_HEADER]
  }

  #isOurs(value: string): boolean {
    if (!this.#lengths.has(value.length)) return false
    const given = digest(value)
    return timingSafeEqual(given, this.#admin) || (this.#data !== undefined && timingSafeEqual(given, this.#data))
  }
}

/** Where the router's own header stands, what is in the others is the client's and of no interest. */
function credentials(rawHeaders: readonly string[], mayHaveOwn: boolean): string[] {
  const found: string[] = []
  const own: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    const value = rawHeaders[at + 1]!
    if (mayHaveOwn && name.length === OWN_HEADER.length && name.toLowerCase() === OWN_HEADER) own.push(value)
    if (name.length === 13 && name.toLowerCase() === 'authorization') found.push(withoutScheme(value))
    else if (KEY_HEADERS.has(name.length) && /^x-(?:goog-)?api-key$/i.test(name)) found.push(value)
  }
  return own.length > 0 ? own : found
}

function withoutScheme(value: string): string {
  return value.replace(/^bearer +/i, '')
}

function digest(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

function unauthorized(message: string): Refusal {
  return { status: 401, type: 'authentication_error', message }
}
