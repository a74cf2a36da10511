import { isObject, Secret, type Attempt, type Auth, type Outbound, type PluginContext } from '@ccr/sdk'
import type { Call, Calls } from './calls.ts'
import { kindOf } from './request.ts'

/** What of a config the router decides itself. */
const NOT_TAKEN = ['TIMEOUT', 'timeout', 'signal', 'httpsProxy']
/** What the connection decides. */
const OF_CONNECTION = /^(?:content-length|transfer-encoding|connection|keep-alive|expect|upgrade)$/
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Headers that say who asks; of others the value tells. */
const PRIVATE = /auth|key|token|secret|passw|credential|cookie/
/** Shorter keys stand in texts by chance. */
const MIN_KEY = 8

/** The handler of the send stage: the address and the headers that the class wants. */
export function sendTap({ name, calls, ctx }: { name: string; calls: Calls; ctx: PluginContext }) {
  let isTold = false
  return (outbound: Outbound, attempt: Attempt): Outbound | undefined => {
    const call = calls.of(attempt)
    if (!call.config) return undefined
    const ignored = NOT_TAKEN.filter((key) => call.config?.[key] !== undefined)
    if (ignored.length > 0 && !isTold)
      ctx.log.warn(
        { ignored },
        `the transformer ${name} sets ${ignored.join(', ')}, which the config of the router does`,
      )
    isTold ||= ignored.length > 0
    return withConfig(outbound, call.config, call.key, name)
  }
}

/** @param key that of the provider, where the class knows it */
function withConfig(outbound: Outbound, config: object, key: string | undefined, name: string): Outbound {
  const { url, headers } = config as NonNullable<Call['config']>
  const sent = { ...outbound.headers }
  const given = outbound.auth === undefined ? [] : 'scheme' in outbound.auth ? [outbound.auth] : outbound.auth
  const auths = new Map<string, Auth>(given.map((auth) => [headerOf(auth), auth]))
  for (const [header, value] of entriesOf(headers, name)) {
    const lower = header.toLowerCase()
    if (OF_CONNECTION.test(lower)) continue
    delete sent[lower]
    auths.delete(lower)
    if (value === undefined) continue
    if (PRIVATE.test(lower) || (key !== undefined && key.length >= MIN_KEY && value.includes(key)))
      auths.set(lower, { scheme: 'header', name: lower, secret: new Secret(value) })
    else sent[lower] = value
  }
  return { ...outbound, headers: sent, auth: [...auths.values()], url: addressOf(url, name) ?? outbound.url }
}

function headerOf(auth: Auth): string {
  return auth.scheme === 'bearer' ? 'authorization' : auth.name.toLowerCase()
}

/** The headers; nothing for one that is to be left out. */
function entriesOf(headers: unknown, name: string): readonly (readonly [string, string | undefined])[] {
  if (headers === undefined || headers === null) return []
  const pairs = headers instanceof Headers ? [...headers] : isObject(headers) ? Object.entries(headers) : undefined
  if (!pairs) throw new Error(`transformRequestIn of ${name} gave headers that are ${kindOf(headers)}`)
  return pairs.map(([header, value]: readonly [string, unknown]) => {
    if (!HEADER_NAME.test(header)) throw new Error(`transformRequestIn of ${name} gave a header without a proper name`)
    if (!value || value === 'undefined') return [header, undefined]
    const text = Array.isArray(value) ? value.join(', ') : String(value as string | number)
    // Most likely it was made of a key that there is not.
    if (/^authorization$/i.test(header) && text.includes('undefined')) return [header, undefined]
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text))
      throw new Error(`transformRequestIn of ${name} gave the header ${header} a value that is not one line of text`)
    return [header, text]
  })
}

function addressOf(url: unknown, name: string): string | undefined {
  if (url === undefined || url === null || url === '') return undefined
  const text = String(url as string | URL)
  const protocol = URL.canParse(text) ? new URL(text).protocol : undefined
  if (protocol === 'https:' || protocol === 'http:') return text
  // What it gave instead may hold a key.
  throw new Error(`transformRequestIn of ${name} gave a url that is no http or https URL`)
}
