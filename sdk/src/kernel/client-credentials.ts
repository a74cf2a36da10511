import { credentialFailure, isSpent } from './classify.ts'
import type { UpstreamError } from '../dialect.ts'
import type { Attempt, HeaderBag } from '../exchange.ts'
import type { AttemptFailure } from '../failure.ts'
import { forwardable } from './header-value.ts'

/** The headers in which clients send credentials. */
const NAMES = ['authorization', 'x-api-key'] as const

/**
 * A client's own credentials, for a provider that is given them in the place of a key. They belong to the origin of
 * that provider: whatever else a handler made of the URL gets none.
 */
export function ownCredentials(client: HeaderBag, baseUrl: string, url: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  if (!URL.canParse(url) || new URL(url).origin !== new URL(baseUrl).origin) return found
  for (const name of NAMES) if (typeof client[name] === 'string') found[name] = client[name]
  return found
}

/**
 * What the client is told when its own credentials are refused, or may spend no more: in its own dialect, what the
 * upstream said. `failure` is what would be told of a provider's key, and is told of any other status.
 */
export function ofOwnAccount(
  failure: AttemptFailure,
  { exchange, provider, target }: Attempt,
  { status, headers }: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  body: Uint8Array,
  said: UpstreamError | undefined,
  redact: (text: string) => string,
): AttemptFailure {
  const { 'www-authenticate': challenge } = headers
  const seen = { ...Object.fromEntries(forwardable(headers)), ...(challenge && { 'www-authenticate': challenge }) }
  const asItIs = exchange.dialect === provider.dialect ? { headers: seen, body } : undefined
  if (status === 401 || status === 403) return credentialFailure(target, status, said, asItIs ?? {}, redact)
  if (!asItIs || (status !== 402 && status !== 429 && !isSpent(status, said?.message))) return failure
  const { type, message } = failure.reply
  return { ...failure, reply: { status, type, message, ...asItIs } }
}

/** Also hides a client's own credentials, which no other place knows to be secret. */
export function hiding(client: HeaderBag, redact: (text: string) => string): (text: string) => string {
  const values = NAMES.flatMap((name) => String(client[name] ?? '').split(/\s+/)).filter((value) => value.length > 6)
  return (text) => redact(values.reduce((left, value) => left.replaceAll(value, '[secret]'), text))
}
