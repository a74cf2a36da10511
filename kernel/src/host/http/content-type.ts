import type { IncomingHttpHeaders } from 'node:http'
import type { Refusal } from './failure-answer.ts'

const JSON_TYPE = /^application\/(?:[^\s;,/]+\+)?json[ \t]*(?:;|$)/i
const CHARSET = /;[ \t]*charset[ \t]*=[ \t]*"?([^\s;"]*)/gi

/** Whether a `content-type` is JSON in UTF-8: `application/json` or `application/<anything>+json`. */
export function isJsonType(type: string): boolean {
  if (type === 'application/json') return true
  if (!JSON_TYPE.test(type)) return false
  return [...type.matchAll(CHARSET)].every(([, charset]) => /^utf-?8$/i.test(charset!))
}

/** Why the body of a request for an exchange is not read: it says that it is no JSON. It need not say anything. */
export function checkContentType(headers: IncomingHttpHeaders): Refusal | undefined {
  const type = headers['content-type']
  if (type === undefined || isJsonType(type) || !hasBody(headers)) return undefined
  return {
    status: 415,
    type: 'invalid_request_error',
    message: 'request bodies are JSON in UTF-8, and this one says it is not; send content-type: application/json',
  }
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
