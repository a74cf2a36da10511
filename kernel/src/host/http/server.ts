import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Endpoint, messageOf } from '@ccr/sdk'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Generation } from '../../core/generation.ts'
import type { Kernel } from '../../core/kernel.ts'
import type { Log } from '../../core/log.ts'
import type { Runtime } from '../../exchange/ports.ts'
import { admissionLimits } from './admission.ts'
import { refuseBrokenRequest } from './broken-request.ts'
import { Bursts } from './bursts.ts'
import { ClientConnections } from './client-connections.ts'
import { checkContentType } from './content-type.ts'
import { EndpointAnswers } from './endpoint-answer.ts'
import {
  ExchangeRequest,
  Exchanges,
  OVERLOADED,
  STOPPING,
  type ExchangeCall,
  type HoldingExchange,
  type RunExchange,
} from './exchanges.ts'
import { answerFailure, type Refusal } from './failure-answer.ts'
import { checkGates, tooLarge, type GateRules } from './gates.ts'
import type { Keys } from './keys.ts'
import { NO_SCHEMAS } from './no-schemas.ts'
import { refusalOf } from './not-served.ts'
import { BodyReading, BodyTooLarge, NoRoomForBody, type BodyLimits } from './read-body.ts'
import { ResponseSink } from './sink.ts'
import { accessOf, createEndpointTable, endpointsOf, type EndpointTable, type ProfileEndpoint } from './table.ts'

/** What may change while the server runs. */
export interface ServerRules {
  readonly gates: GateRules
  readonly keys: Keys
  readonly runtime: Runtime
  /** The answer to every exchange, where none may run. */
  readonly closed?: Refusal | undefined
}

/** What a server is made of. */
export interface ServerOptions {
  readonly kernel: Kernel
  readonly run: RunExchange
  /** The host's own endpoints; they stand before those of any generation. */
  readonly endpoints: readonly Endpoint[]
  readonly log: Log
  readonly rules: ServerRules
}

interface Match {
  readonly endpoint: ProfileEndpoint
  readonly params: Readonly<Record<string, string | undefined>>
  /** What it was found in, and whose keys were asked. */
  readonly generation: Generation | undefined
  readonly rules: ServerRules
}

// Kept on the objects themselves: a WeakMap with as many changes costs more than all the rest of this file.
const MATCH = Symbol('match')
type Pass = (request: IncomingMessage, response: ServerResponse) => void
type MatchedRequest = IncomingMessage & { [MATCH]?: Match }

const NO_BODY = Buffer.alloc(0)

/**
 * The HTTP server. Fastify is set up once and reads bodies; gates, keys and endpoints are looked at before it sees a
 * request, so that what is refused is never read.
 */
export class HostServer {
  readonly #kernel: Kernel
  readonly #endpoints: readonly Endpoint[]
  readonly #log: Log
  readonly #tables = new WeakMap<Generation, EndpointTable>()
  readonly #exchanges: Exchanges
  readonly #server: Server
  readonly #connections: ClientConnections
  readonly #fastify: FastifyInstance
  /** Requests without a valid key. */
  readonly #denied: Bursts
  readonly #answers: EndpointAnswers
  #rules: ServerRules
  #bodyLimits: BodyLimits
  #stopping = false

  constructor({ kernel, run, endpoints, log, rules }: ServerOptions) {
    this.#kernel = kernel
    this.#endpoints = endpoints
    this.#log = log
    this.#denied = new Bursts((refused) => log.warn({ refused }, 'requests without a valid key were refused'))
    this.#rules = rules
    this.#bodyLimits = bodyLimits(rules)
    this.#exchanges = new Exchanges({ run, log, limits: admissionLimits(rules.runtime.settings) })
    this.#answers = new EndpointAnswers(log)
    let pass: Pass
    this.#server = this.#createServer((request, response) => pass(request, response))
    this.#connections = new ClientConnections(this.#server)
    this.#fastify = Fastify({
      logger: false,
      return503OnClosing: false,
      schemaController: NO_SCHEMAS,
      routerOptions: { maxParamLength: rules.runtime.settings.limits.headerBytes, querystringParser: () => ({}) },
      serverFactory: (handler) => {
        pass = handler
        return this.#server
      },
    })
    this.#fastify.removeAllContentTypeParsers()
    // Fastify's own reader knows no limit but the one it was made with.
    const bodies = new BodyReading()
    this.#fastify.addContentTypeParser('*', (_request, payload, done) => {
      bodies.read(payload, this.#bodyLimits, done)
    })
    this.#fastify.all('*', (request, reply) => this.#serve(request, reply))
    this.#fastify.setErrorHandler((error, request, reply) => this.#failed(error, request, reply))
    this.configure(rules)
  }

  /** Exchanges that run now. */
  get inFlight(): number {
    return this.#exchanges.running
  }

  /** The exchanges that hold a generation. */
  holding(generation: number): readonly HoldingExchange[] {
    return this.#exchanges.holding(generation)
  }

  /** Exchanges that wait for their turn. */
  get queued(): number {
    return this.#exchanges.queued
  }

  /** Takes other rules; requests that are past the gates keep theirs. */
  configure(rules: ServerRules): void {
    this.#rules = rules
    this.#bodyLimits = bodyLimits(rules)
    this.#exchanges.configure(admissionLimits(rules.runtime.settings))
    const { timeouts } = rules.runtime.settings
    this.#server.headersTimeout = timeouts.clientHeaders
    this.#server.requestTimeout = Math.max(timeouts.clientBody, timeouts.clientHeaders)
    this.#server.keepAliveTimeout = timeouts.clientIdle
  }

  /** Begins to listen; port 0 takes a free one. Gives the port. */
  async listen(host: string, port: number): Promise<number> {
    await this.#fastify.ready()
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    return (this.#server.address() as AddressInfo).port
  }

  /** Accepts nothing more, lets what runs finish within the limit, then ends it. */
  async close(limitMs: number): Promise<void> {
    const latest = performance.now() + limitMs
    this.#answers.stop(limitMs)
    this.#stopping = true
    this.#connections.stop()
    await this.#exchanges.drain(limitMs)
    this.#denied.end()
    await this.#answers.end()
    await this.#connections.end(latest - performance.now())
    await this.#fastify.close()
  }

  /** Ends what runs now. */
  abortAll(): void {
    this.#exchanges.abortAll()
    this.#answers.abortAll()
    this.#connections.hurry()
  }

  #createServer(pass: Pass): Server {
    const { timeouts, limits } = this.#rules.runtime.settings
    const server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        connectionsCheckingInterval: Math.min(1_000, timeouts.clientHeaders),
        noDelay: true,
        // The gate answers it, in our own words.
        requireHostHeader: false,
      },
      (request, response) => this.#receive(request, response, pass),
    )
    // The gates count them; by itself Node leaves out what stands behind the 2,000th, unseen.
    server.maxHeadersCount = 0
    // A client may close its half of the connection and still wait for the answer. Node's types lack this property.
    Object.assign(server, { httpAllowHalfOpen: true })
    // Only what passes the gates is asked for its body.
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      this.#receive(request, response, () => {
        response.writeContinue()
        pass(request, response)
      })
    })
    server.on('clientError', (error, socket: Socket) => {
      const running = this.#connections.answersOn(socket).find(({ began }) => began)
      refuseBrokenRequest(error, socket, this.#rules.runtime.newId('req_'), running)
    })
    return server
  }

  #receive(request: IncomingMessage, response: ServerResponse, pass: Pass): void {
    const refusal = checkGates(request, this.#rules.gates)
    if (refusal) return this.#refuse(request, response, refusal)
    const found = this.#find(this.#kernel.current, request)
    if ('status' in found) return this.#refuse(request, response, found)
    const closed = this.#stopping ? STOPPING : this.#rules.closed
    if (closed && 'client' in found.endpoint) return this.#refuse(request, response, closed)
    const foreign = 'client' in found.endpoint ? checkContentType(request.headers) : undefined
    if (foreign) return this.#refuse(request, response, foreign)
    pass(request, response)
  }

  /** The endpoint that a request may call, or why it may not; remembered until generation or rules change. */
  #find(generation: Generation | undefined, request: MatchedRequest): Match | Refusal {
    const rules = this.#rules
    const known = request[MATCH]
    if (known && known.generation === generation && known.rules === rules) return known
    const { method, url: target } = request as { method: string; url: string }
    const table = this.#table(generation)
    const found = table.find(method, target)
    const denied = rules.keys.check(accessOf(found, target), request.rawHeaders)
    if (denied) {
      this.#denied.add()
      return denied
    }
    if (!found || 'allow' in found) return refusalOf({ method, target, allow: found?.allow }, table, generation)
    return (request[MATCH] = { endpoint: found.endpoint, params: found.params, generation, rules })
  }

  #table(generation: Generation | undefined): EndpointTable {
    if (!generation) return createEndpointTable(this.#endpoints)
    let table = this.#tables.get(generation)
    if (!table)
      this.#tables.set(generation, (table = createEndpointTable([...this.#endpoints, ...endpointsOf(generation)])))
    return table
  }

  /**
   * The body is read. The generation may have changed meanwhile, so the request is matched, and its key checked, anew.
   */
  #serve({ raw: request, body }: FastifyRequest, reply: FastifyReply): void {
    reply.hijack()
    const response = reply.raw
    const found = this.#find(this.#kernel.current, request)
    if ('status' in found) return this.#refuse(request, response, found)
    const bytes = body === undefined || body === null ? NO_BODY : (body as Buffer)
    let settled: Promise<void>
    if ('client' in found.endpoint) {
      if (this.#stopping) return this.#refuse(request, response, STOPPING)
      settled = this.#exchange(request, response, bytes)
    } else {
      const { endpoint, params } = found
      const lease = this.#endpoints.includes(endpoint) ? undefined : this.#kernel.acquire()
      const refuse = (refusal: Refusal): void => this.#refuse(request, response, refusal)
      const call = { endpoint, params, request, response, body: bytes, lease, refuse }
      settled = this.#answers.serve(call, this.#rules.runtime)
    }
    settled.catch((thrown: unknown) => {
      this.#log.error({ err: thrown }, 'a request failed outside its rules')
      response.destroy()
    })
  }

  #exchange(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    const { clientStall } = this.#rules.runtime.settings.timeouts
    const sink = new ResponseSink(response, clientStall)
    const { socket } = request
    const sinks = this.#connections.answersOn(socket)
    sinks.push(sink)
    if (socket.destroyed) sink.left()
    else if (socket.readableEnded) sink.finished()
    const call: ExchangeCall = {
      sink,
      bytes: body.length,
      refuse: (refusal) => this.#refuse(request, response, refusal),
      enter: () => this.#enter(request, response, body, sink),
      left: () => {
        // Nearly always the only one.
        if (sinks.length === 1) sinks.pop()
        else sinks.splice(sinks.indexOf(sink), 1)
      },
    }
    return this.#exchanges.serve(call, this.#rules.runtime)
  }

  #enter(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    sink: ResponseSink,
  ): ReturnType<ExchangeCall['enter']> {
    const lease = this.#kernel.acquire()
    const found = this.#find(lease.generation, request)
    if ('endpoint' in found && 'client' in found.endpoint) {
      found.rules.keys.takeOut(request.headers)
      return { lease, incoming: new ExchangeRequest(found.endpoint, found.params, request, body, sink) }
    }
    lease.release()
    this.#refuse(
      request,
      response,
      'status' in found
        ? found
        : { status: 404, type: 'not_found_error', message: 'the endpoint has just changed; try again' },
    )
    return undefined
  }

  /** Fastify could not read the body. */
  #failed(error: unknown, { raw: request }: FastifyRequest, reply: FastifyReply): void {
    reply.hijack()
    if (request.destroyed && !request.complete) return void reply.raw.destroy()
    if (error instanceof BodyTooLarge) return this.#refuse(request, reply.raw, tooLarge(error.limit))
    if (error instanceof NoRoomForBody) {
      this.#exchanges.refused()
      return this.#refuse(request, reply.raw, { ...OVERLOADED, close: true })
    }
    const status = (error as { statusCode?: unknown }).statusCode
    const isClients = typeof status === 'number' && status >= 400 && status < 500
    if (!isClients) this.#log.error({ err: error }, 'a request could not be read')
    this.#refuse(request, reply.raw, {
      status: isClients ? status : 500,
      type: isClients ? 'invalid_request_error' : 'api_error',
      message: isClients ? `the request cannot be read: ${messageOf(error)}` : 'the request could not be read',
      close: true,
    })
  }

  /** A refusal speaks the dialect of the endpoint that was asked for, where there is one. */
  #refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    const requestId = this.#rules.runtime.newId('req_')
    const client = request.url?.startsWith('/')
      ? this.#table(this.#kernel.current).clientOf(request.method!, request.url)
      : undefined
    answerFailure(request, response, refusal, requestId, client)
  }
}

function bodyLimits(rules: ServerRules): BodyLimits {
  return { one: rules.gates.bodyBytes, all: admissionLimits(rules.runtime.settings).inFlightBytes }
}
