import type { Endpoint, EndpointReply, EndpointRequest } from '@ccr/sdk'
import { json, refusal, saysJson } from './json.ts'
import { toFault, type Fault } from './fault.ts'
import { createReport, type ReportOptions } from './generation-report.ts'

/** What the control endpoints act on. */
export interface ControlOptions extends ReportOptions {
  /** Rejects when the change was not taken. */
  readonly reload: () => Promise<void>
}

/** `GET /`, `GET /health`, `GET /api/generation` and `POST /api/reload`. */
export function createControlEndpoints(options: ControlOptions): readonly Endpoint[] {
  return [
    { method: 'GET', path: '/', access: 'public', respond: greet },
    { method: 'GET', path: '/health', access: 'public', respond: () => health(options) },
    { method: 'GET', path: '/api/generation', access: 'admin', respond: () => json(200, createReport(options)) },
    { method: 'POST', path: '/api/reload', access: 'admin', respond: (request) => reload(options, request) },
  ]
}

/** Whoever opens the printed address in a browser; it tells no more than that. */
function greet(): EndpointReply {
  const body = 'ccr runs here: `ccr status` in a terminal says how it is, docs/ of its package how to use it.\n'
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
}

function health({ kernel, state }: ControlOptions): EndpointReply {
  const { version, instanceId, inFlight, queued, lastError, degraded } = state()
  return json(200, {
    status: 'ok',
    version,
    instance: instanceId,
    generation: kernel.current?.id ?? 0,
    inFlight,
    queued,
    config: { lastError: lastError && publicFault(lastError) },
    degraded,
  })
}

/** What anybody on this machine may know: neither paths nor what a config says. */
function publicFault({ code }: Fault): object {
  return { code }
}

async function reload(options: ControlOptions, request: EndpointRequest): Promise<EndpointReply> {
  if (request.body.length > 0 && !saysJson(request))
    return refusal(415, { message: 'send no body, or one of type application/json' })
  try {
    await options.reload()
  } catch (thrown) {
    return refusal(422, toFault(thrown, options.redact))
  }
  return json(200, createReport(options))
}
