import type { ClientDialect } from '../dialect.ts'
import { describeRoute } from './describe-route.ts'
import type { RoutePlan, Target } from '../exchange.ts'
import type { FailureReply } from '../failure.ts'

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g

/** A value for a header: one line of ASCII. What is longer is cut; `%` and what is not ASCII are percent-encoded. */
export function toHeaderValue(value: string, maxCharacters = 200): string {
  const short = value.slice(0, maxCharacters)
  if (/^[\x20-\x24\x26-\x7e]*$/.test(short)) return short
  return short.replace(LONE_SURROGATE, '\uFFFD').replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent)
}

/** Headers of an upstream's answer that are its connection's own, or the router's business. */
const NOT_FORWARDED = new RegExp(
  '^(?:connection|keep-alive|transfer-encoding|content-(?:length|encoding)|set-cookie|trailer|upgrade|date|server|' +
    'proxy-.*|access-control-.*|strict-transport-security|alt-svc|.*authori[sz].*|.*authenticat.*|location|clear-.*)$',
)

/** The headers of an upstream's answer that may go on to a client with it. */
export function forwardable(headers: Readonly<Record<string, string>> = {}): [name: string, value: string][] {
  return Object.entries(headers).filter(([name]) => !NOT_FORWARDED.test(name))
}

type Headers = Readonly<Record<string, string>> | undefined

/** All headers in one object, their names in lower case; later ones win. */
export function mergeHeaders(...all: readonly Headers[]): Record<string, string> {
  return addHeaders({}, ...all)
}

/** Adds headers to an object, their names in lower case. A loop, because V8 is slow to read what spreads make. */
export function addHeaders(headers: Record<string, string>, ...more: readonly Headers[]): Record<string, string> {
  for (const one of more) for (const name in one) headers[name.toLowerCase()] = one[name]!
  return headers
}

/** The headers that name a request: everybody's, and the one that clients of this dialect read. */
export function requestIdHeaders(id: string, client?: Pick<ClientDialect, 'requestIdHeader'>): Record<string, string> {
  const name = client?.requestIdHeader
  return name === undefined ? { 'request-id': id } : { 'request-id': id, [name]: id }
}

/** Where an answer, or a failure, comes from, and why that was asked; nothing where nothing was decided. */
export function routeHeaders(
  plan: RoutePlan | undefined,
  target: Target | undefined,
  redact: (text: string) => string,
): Record<string, string> {
  const headers: Record<string, string> = {}
  if (target) {
    headers['x-ccr-provider'] = toHeaderValue(target.provider)
    headers['x-ccr-model'] = toHeaderValue(target.model)
    const primary = plan?.primary
    // Mostly the very same object.
    if (primary && primary !== target && !isSame(primary, target))
      headers['x-ccr-fallback'] = toHeaderValue(`${primary.provider},${primary.model}`)
  }
  if (plan) headers['x-ccr-route'] = toHeaderValue(redact(describeRoute(plan)), ROUTE_LENGTH)
  return headers
}

function isSame(one: Target, other: Target): boolean {
  return one.provider === other.provider && one.model === other.model
}

/** Longest `x-ccr-route`. */
const ROUTE_LENGTH = 1_000

/** The response headers of a failure, all but the length of its body. */
export function failureHeaders(
  reply: FailureReply,
  requestId: string,
  client?: Pick<ClientDialect, 'requestIdHeader'>,
): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ...requestIdHeaders(requestId, client),
    ...reply.headers,
  }
  if (reply.retryAfter !== undefined) headers['retry-after'] = toHeaderValue(reply.retryAfter)
  if (reply.shouldRetry !== undefined) headers['x-should-retry'] = String(reply.shouldRetry)
  return headers
}
