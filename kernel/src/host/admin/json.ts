import type { EndpointReply, EndpointRequest } from '@ccr/sdk'
import { isJsonType } from '../http/content-type.ts'

/** An answer of the admin API, which no cache keeps. */
export function json(status: number, body: object): EndpointReply {
  return { status, headers: { 'cache-control': 'no-store' }, body }
}

/** Says no: `fault` has a message and what else is known. */
export function refusal(status: number, fault: { readonly message: string }): EndpointReply {
  return json(status, { type: 'error', error: { type: 'invalid_request_error', ...fault } })
}

/** Whether a request says that its body is JSON; a page of another origin cannot without asking first. */
export function saysJson({ headers }: EndpointRequest): boolean {
  const type = headers['content-type']
  return typeof type === 'string' && isJsonType(type)
}

/** Refuses requests that do not say that their body is JSON. */
export function takingJson(respond: (request: EndpointRequest) => Promise<EndpointReply>): typeof respond {
  const refused = refusal(415, { message: 'this endpoint takes JSON; send it with content-type: application/json' })
  return (request) => (saysJson(request) ? respond(request) : Promise.resolve(refused))
}

/** The fields of a body of JSON; nothing when it is none. */
export function readFields(request: EndpointRequest): Readonly<Record<string, unknown>> | undefined {
  try {
    return Object(JSON.parse(request.body.toString('utf8'))) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}
