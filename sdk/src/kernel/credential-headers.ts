import type { Auth } from '../exchange.ts'

/** The headers that carry credentials. Whoever sends them adds them last, to an object that no handler sees. */
export function credentialHeaders(
  auth: Auth | readonly Auth[] | undefined,
): Readonly<Record<string, string>> | undefined {
  if (!auth) return undefined
  return 'scheme' in auth ? headerOf(auth) : Object.assign({}, ...auth.map(headerOf))
}

function headerOf(auth: Auth): Readonly<Record<string, string>> {
  const value = auth.secret.reveal()
  return auth.scheme === 'bearer' ? { authorization: `Bearer ${value}` } : { [auth.name]: value }
}
