import type { IncomingMessage } from 'node:http'
import type { Refusal } from './failure-answer.ts'
import { bracketed, type HostNames } from './host-names.ts'

/** What every request must fit before anything else is looked at. */
export interface GateRules {
  readonly names: HostNames
  /** Largest body. */
  readonly bodyBytes: number
}

/**
 * Looks at the raw request target and raw headers, before routing and before the body is read: a page in a browser can
 * neither forge them nor avoid sending them. Nothing but `undefined` lets the request in.
 */
export function checkGates(request: IncomingMessage, rules: GateRules): Refusal | undefined {
  const { headers } = request
  if (request.rawHeaders.length > 2 * MOST_HEADERS)
    return { status: 431, type: 'invalid_request_error', message: 'the request has too many headers', close: true }
  // The absolute form names another host than the Host header may, and only proxies are asked in it.
  if (request.url?.charCodeAt(0) !== SLASH)
    return { status: 400, type: 'invalid_request_error', message: 'the request target must be a path', close: true }
  if (countHosts(request.rawHeaders) !== 1)
    return { status: 400, type: 'invalid_request_error', message: 'exactly one Host header is required', close: true }
  if (!isServed(request, rules.names))
    return {
      status: 403,
      type: 'permission_error',
      message: 'this host name is not served; ALLOWED_HOSTS adds names',
      close: true,
    }
  const { origin } = headers
  if (origin !== undefined && !rules.names.origins.has(origin))
    return { status: 403, type: 'permission_error', message: 'requests of this origin are not served', close: true }
  const site = headers['sec-fetch-site']
  if (
    site !== undefined &&
    site !== 'same-origin' &&
    site !== 'none' &&
    request.method !== 'GET' &&
    request.method !== 'HEAD'
  ) {
    return { status: 403, type: 'permission_error', message: 'requests of other sites are not served', close: true }
  }
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity')
    return { status: 415, type: 'invalid_request_error', message: 'compressed request bodies are not accepted' }
  if (Number(headers['content-length'] ?? 0) > rules.bodyBytes) return tooLarge(rules.bodyBytes)
  return undefined
}

/** The refusal of a body above the limit. */
export function tooLarge(bodyBytes: number): Refusal {
  return {
    status: 413,
    type: 'request_too_large',
    message: `the request is larger than ${bodyBytes} bytes`,
    close: true,
  }
}

const SLASH = 47
/** Ten times what clients and proxies send. */
const MOST_HEADERS = 500

function countHosts(rawHeaders: readonly string[]): number {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

function isServed(request: IncomingMessage, names: HostNames): boolean {
  const host = (request.headers.host ?? '').toLowerCase()
  if (names.hosts.has(host)) return true
  if (!names.wildcard) return false
  // An address, unlike a name, cannot be made to point elsewhere: the one that was reached is safe.
  const { localAddress, localPort } = request.socket
  if (localAddress === undefined) return false
  return host === `${bracketed(localAddress.replace(/^::ffff:(?=\d+\.)/, ''))}:${localPort}`
}
