import type { Endpoint, EndpointReply, EndpointRequest, HeaderBag } from '@ccr/sdk'
import { isCcrError } from '@ccr/sdk'
import type { Kernel } from '../../core/kernel.ts'
import type { Log } from '../../core/log.ts'
import type { Runtime } from '../../exchange/ports.ts'
import { json, readFields, refusal, takingJson } from './json.ts'
import { toFault } from './fault.ts'
import { explainRoute, type RouteQuestion } from './route-explain.ts'

/** What the endpoint explains with. */
export interface RouteEndpointOptions {
  readonly kernel: Kernel
  /** As it is whenever it is called. */
  readonly runtime: () => Runtime
  readonly log: Log
}

/**
 * `POST /api/route/explain` takes `{path?, headers?, body}`, `body` being what a client would send, and says where it
 * would go and why.
 */
export function createRouteEndpoints(options: RouteEndpointOptions): readonly Endpoint[] {
  return [
    {
      method: 'POST',
      path: '/api/route/explain',
      access: 'admin',
      respond: takingJson((request) => explain(options, request)),
    },
  ]
}

async function explain(
  { kernel, runtime, log }: RouteEndpointOptions,
  request: EndpointRequest,
): Promise<EndpointReply> {
  const question = readQuestion(request)
  if (!question) return refusal(400, { message: 'send JSON: {path?, headers?, body}' })
  const { redact } = runtime()
  const lease = kernel.acquire()
  try {
    const explanation = await explainRoute(lease.generation, question, runtime(), log)
    return json(200, JSON.parse(redact(JSON.stringify(explanation))) as object)
  } catch (thrown) {
    if (!isCcrError(thrown)) throw thrown
    return refusal(thrown.code === 'CCR_REQUEST_INVALID' ? 400 : 404, toFault(thrown, redact))
  } finally {
    lease.release()
  }
}

function readQuestion(request: EndpointRequest): RouteQuestion | undefined {
  const { path = '/v1/messages', headers, body } = readFields(request) ?? {}
  if (typeof path !== 'string' || !path.startsWith('/') || typeof body !== 'object' || body === null) return undefined
  return { path, headers: readHeaders(headers), body: Buffer.from(JSON.stringify(body)) }
}

function readHeaders(value: unknown): HeaderBag {
  const entries = Object.entries(Object(value) as Readonly<Record<string, unknown>>)
  return Object.fromEntries(
    entries.flatMap(([name, text]) => (typeof text === 'string' ? [[name.toLowerCase(), text]] : [])),
  )
}
