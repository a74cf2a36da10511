import { Secret, type Facilities } from '@ccr/sdk'
import { credentialHeaders } from '@ccr/sdk/kernel'

/** What plugins under test are given beyond the exchange; their declared capabilities hold as in a router. */
export interface TestFacilities {
  /** Variables of the environment, for `ctx.secrets`. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Answers what plugins send by `ctx.http`; without it every request fails. Credentials are among its headers. */
  readonly http?: (request: Request) => Response | Promise<Response>
  /** The content of `ctx.files` by entry (`default/<id>`) and name; what plugins write is put here. */
  readonly files?: Map<string, Map<string, Buffer>>
}

/** Facilities in memory; files stay as long as what is returned here. */
export function createTestFacilities({ secrets = {}, http, files = new Map() }: TestFacilities) {
  return (owner: string): Facilities => {
    const own = (): Map<string, Buffer> => {
      const known = files.get(owner) ?? new Map<string, Buffer>()
      files.set(owner, known)
      return known
    }
    return {
      files: {
        read: (name) => Promise.resolve(own().get(name)),
        write: (name, content) => Promise.resolve(void own().set(name, Buffer.from(content))),
        list: () => Promise.resolve([...own().keys()].sort()),
        remove: (name) => Promise.resolve(void own().delete(name)),
      },
      http: {
        fetch: async (url, { method = 'GET', headers = {}, auth, body, signal } = {}) => {
          if (!http) throw new TypeError('fetch failed', { cause: new Error('the test has no network') })
          const request = new Request(url, { method, headers, ...(body !== undefined && { body }), signal: signal! })
          for (const [name, value] of Object.entries(credentialHeaders(auth) ?? {})) request.headers.set(name, value)
          return http(request)
        },
      },
      secrets: {
        get: (name) => {
          const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined
          return value === undefined || value === '' ? undefined : new Secret(value)
        },
      },
    }
  }
}
