import type { Fault } from './fault.ts'
import type { KernelConfig } from './schema.ts'

/** The keys that name the proxy; the first that is set counts. */
const KEYS = ['HTTPS_PROXY', 'https_proxy', 'httpsProxy', 'PROXY_URL'] as const

/** The proxy for upstream requests, if the config names one. */
export function proxyOf(config: KernelConfig): string | undefined {
  return KEYS.map((key) => config[key]).find((url) => url !== undefined)
}

/** Why no connection could be made through the proxy. `config` must fit its schema. */
export function proxyFault(config: KernelConfig): Fault | undefined {
  const key = KEYS.find((name) => config[name] !== undefined)
  const fact = key && factOf(config[key]!)
  // The value stays unsaid: it may hold a password.
  return fact === undefined ? undefined : { pointer: `/${key}`, fact }
}

function factOf(text: string): string | undefined {
  if (!URL.canParse(text) || new URL(text).port === '0')
    return 'names no host and port that there could be; in a password, # is written %23, / is %2F, and ? is %3F'
  const { pathname, search, hash, username, password } = new URL(text)
  if (pathname !== '/' || search !== '' || hash !== '') return 'must end with the host or the port of the proxy'
  const isWhole = isDecodable(username) && isDecodable(password)
  return isWhole ? undefined : 'must write a literal % of its user or password as %25'
}

function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined
  } catch {
    return false
  }
}
