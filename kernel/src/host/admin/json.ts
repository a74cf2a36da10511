import type { EndpointReply, EndpointRequest } from '@ccr/sdk'

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
  return typeof type === 'string' && /^application\/json *(;|$)/i.test(type)
}

/** The fields of a body of JSON; nothing when it is none, or does not say so. */
export function readFields(request: EndpointRequest): Readonly<Record<string, unknown>> | undefined {
  if (!saysJson(request)) return undefined
  try {
    return Object(JSON.parse(request.body.toString('utf8'))) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}
