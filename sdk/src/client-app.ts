import type { HeaderBag } from './exchange.ts'

/** The product that asks, for {@link ClientInfo.app}: the first token of its user agent, or `unknown`. */
export function appOf(headers: HeaderBag): string {
  const agent = headers['user-agent']
  // It reaches logs and records, so nothing but a token is taken (RFC 9110, 5.6.2), and no long one.
  return /^[\w!#$%&'*+.^`|~-]{1,64}/.exec(typeof agent === 'string' ? agent : '')?.[0] ?? 'unknown'
}
