import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EndpointReply } from '@ccr/sdk'
import { Cancellation, replyTo, settle } from '@ccr/sdk/kernel'
import { DEFAULT_PROFILE, type Generation } from '../../core/generation.ts'
import type { Lease } from '../../core/kernel.ts'
import type { Log } from '../../core/log.ts'
import type { Runtime } from '../../exchange/ports.ts'
import { STOPPING, type ExchangeEndpoint } from './exchanges.ts'
import type { Refusal } from './failure-answer.ts'
import { endResponse } from './last-piece.ts'
import type { ProfileEndpoint } from './table.ts'

/** Least time to answer when the router stops, in milliseconds. */
const RESPOND_MS = 1_000

/** One request to an endpoint that runs no exchange, its body read. */
export interface EndpointCall {
  readonly endpoint: Exclude<ProfileEndpoint, ExchangeEndpoint>
  readonly params: Readonly<Record<string, string | undefined>>
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly body: Buffer
  /** Of the generation that it belongs to; none for the host's own, which must not hold the one that they replace. */
  readonly lease: Lease | undefined
  refuse(refusal: Refusal): void
}

/** The answers of endpoints that run no exchange, and how they end when the router stops. */
export class EndpointAnswers {
  readonly #log: Log
  readonly #running = new Set<Promise<void>>()
  /** Aborted when they are no longer waited for. */
  readonly #expired = new Cancellation()
  #late: NodeJS.Timeout | undefined

  constructor(log: Log) {
    this.#log = log
  }

  serve(call: EndpointCall, runtime: Runtime): Promise<void> {
    const answer = this.#answer(call, runtime)
    this.#running.add(answer)
    return answer.finally(() => this.#running.delete(answer))
  }

  /** What has not answered by then is no longer waited for. */
  stop(limitMs: number): void {
    this.#late = setTimeout(() => this.abortAll(), Math.max(limitMs, RESPOND_MS))
  }

  /** When all have been answered. */
  async end(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
    clearTimeout(this.#late)
  }

  abortAll(): void {
    this.#expired.abort(STOPPING)
  }

  async #answer(call: EndpointCall, { settings, redact, newId }: Runtime): Promise<void> {
    const { endpoint, params, request, response, body, lease } = call
    try {
      const { total, clientStall } = settings.timeouts
      const { method, url, headers } = request
      const providers = providersOf(endpoint, lease?.generation)
      const answer = endpoint.respond({ method: method!, url: url!, headers, params, body, providers })
      // One that never answers would hold its generation.
      const late = (): Error => new Error(`it did not answer within ${total} ms`)
      const reply = await settle(Promise.resolve(answer), total, this.#expired, late)
      answerEndpoint(response, reply, newId('req_'), clientStall)
    } catch (thrown) {
      if (this.#expired.aborted) return call.refuse(STOPPING)
      const reply = replyTo(thrown, redact)
      if (reply.status < 500) return call.refuse(reply)
      this.#log.error({ err: thrown, endpoint: endpoint.path }, 'an endpoint failed')
      const message = `the endpoint ${endpoint.path} failed; the router's log says why`
      call.refuse({ status: 500, type: 'api_error', message })
    } finally {
      lease?.release()
    }
  }
}

function providersOf({ profile = DEFAULT_PROFILE }: ProfileEndpoint, generation: Generation | undefined) {
  return generation?.profiles.get(profile)?.providerList ?? []
}

/**
 * Answers a request to an endpoint that runs no exchange.
 *
 * @param stallMs how long the client may take nothing of it, in milliseconds
 */
function answerEndpoint(
  response: ServerResponse,
  { status, headers, body }: EndpointReply,
  id: string,
  stallMs: number,
): void {
  if (response.destroyed) return
  const isPlain = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
  const bytes = isPlain ? (body ?? '') : JSON.stringify(body)
  response.writeHead(status, {
    ...(!isPlain && { 'content-type': 'application/json' }),
    'request-id': id,
    'content-length': String(Buffer.byteLength(bytes)),
    ...headers,
  })
  endResponse(response, bytes, stallMs)
}
