import type { Fault } from './fault.ts'
import type { KernelConfig } from './schema.ts'

/** The keys that name the proxy; the first that is set counts. */
const KEYS = ['HTTPS_PROXY', 'https_proxy', 'httpsProxy', 'PROXY_URL'] as const

/** The proxy for upstream requests, if the config names one. */
export function proxyOf(config: KernelConfig): string | undefined {
  return KEYS.map((key) => config[key]).find((url) => url !== undefined)
}

/** The first proxy that no connection could be made through. `config` must fit its schema. */
export function proxyFault(config: KernelConfig): Fault | undefined {
  for (const key of KEYS) {
    const fact = factOf(config[key])
    // The value stays unsaid: it may hold a password.
    if (fact !== undefined) return { pointer: `/${key}`, fact }
  }
  return undefined
}

function factOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (!URL.canParse(text))
    return 'must be an http:// or https:// URL: this one has no host, or a wrong one, or a wrong port'
  const { pathname, search, hash, username, password } = new URL(text)
  if (pathname !== '/' || search !== '' || hash !== '') return 'must end with the host or the port of the proxy'
  return isDecodable(username + password) ? undefined : 'must write a literal % of its user or password as %25'
}

function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined
  } catch {
    return false
  }
}
