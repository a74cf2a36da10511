import { connect, type Socket } from 'node:net'
import { type ClientDialect, definePlugin, type Endpoint, type Facilities, type FailureReply, Type } from '@ccr/sdk'
import { createSettings, type Settings } from '@ccr/sdk/kernel'
import { Kernel } from '../../core/kernel.ts'
import { runInner } from '../../exchange/inner.ts'
import type { Runtime } from '../../exchange/ports.ts'
import type { RunExchange } from './exchanges.ts'
import { createHostNames } from './host-names.ts'
import { createIds } from '../ids.ts'
import { Keys } from './keys.ts'
import { HostServer, type ServerRules } from './server.ts'
import { HostTransport } from '../upstream/transport.ts'

export const ADMIN_KEY = 'admin-key-0123456789abcdef'

/** A server on a free port with one exchange endpoint, `POST /v1/messages`, and what else a test asks for. */
export interface TestServer {
  readonly server: HostServer
  readonly kernel: Kernel
  readonly url: string
  readonly port: number
  readonly logged: readonly unknown[]
  /** Takes other settings, as a reload does. */
  configure(settings: Settings): void
  apply(endpoints: readonly Endpoint[]): Promise<unknown>
  stop(): Promise<void>
}

/** What a test sets. */
export interface TestServerOptions {
  readonly run?: RunExchange
  readonly endpoints?: readonly Endpoint[]
  readonly host?: readonly Endpoint[]
  readonly dataKey?: string
  readonly settings?: Settings
}

// No plugin of these tests declares a capability, so its context refuses before any of it is looked at.
const unused = {} as Facilities

/** Starts a server for one test file; never part of the product. */
export async function startServer({
  run = answer,
  endpoints = [],
  host = [],
  dataKey,
  settings = createSettings(),
}: TestServerOptions = {}): Promise<TestServer> {
  const logged: unknown[] = []
  const note = (fields: object, message: string): void => void logged.push({ ...fields, message })
  const log = { debug: () => undefined, info: () => undefined, warn: note, error: note }
  const kernel = new Kernel({
    log,
    settings: createSettings({ timeouts: { activate: 1_000 } }),
    inner: runInner,
    facilities: () => unused,
  })
  let count = 0
  const apply = (more: readonly Endpoint[]): Promise<unknown> => {
    const plugin = definePlugin({
      name: 'test-endpoints',
      apiVersion: 1,
      description: 'Endpoints of a test.',
      options: Type.Object({}),
      activate(ctx) {
        ctx.endpoint({ method: 'POST', path: '/v1/messages', dialect: 'plain', client: plain })
        for (const endpoint of more) ctx.endpoint(endpoint)
      },
    })
    return kernel.apply({
      entries: [{ id: 'test', plugin, hash: String(count++), options: {} }],
      providers: [],
      sections: {},
    })
  }
  await apply(endpoints)
  const transport = new HostTransport()
  const newId = createIds()
  const runtime: Runtime = {
    transport,
    settings,
    routing: { record: () => undefined },
    redact: (text) => text,
    newId,
    now: Date.now,
    freeze: false,
  }
  const rules = (port: number, given = settings): ServerRules => ({
    gates: {
      names: createHostNames({ host: '127.0.0.1', port, allowedHosts: [] }),
      bodyBytes: given.limits.bodyBytes,
    },
    keys: new Keys({ dataKey, adminKey: ADMIN_KEY }),
    runtime: { ...runtime, settings: given },
  })
  const server = new HostServer({ kernel, run, endpoints: host, log, rules: rules(0) })
  const port = await server.listen('127.0.0.1', 0)
  server.configure(rules(port))
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> =>
    (stopped ??= server
      .close(0)
      .then(() => transport.close())
      .then(() => kernel.close()))
  const configure = (given: Settings): void => server.configure(rules(port, given))
  return { server, kernel, url: `http://127.0.0.1:${port}`, port, logged, configure, apply, stop }
}

/** A client dialect whose errors can be told from the host's own. */
const plain: ClientDialect = {
  decode: () => {
    throw new Error('unused')
  },
  encoder: () => {
    throw new Error('unused')
  },
  message: (message) => message,
  failure: ({ type, message }: FailureReply, requestId) => ({ plain: true, type, message, requestId }),
}

const answer: RunExchange = (lease, { sink, input }) => {
  sink.head(200, { 'content-type': 'application/json' })
  sink.end(JSON.stringify({ bytes: input.body.length, url: input.url }))
  lease.release()
  return Promise.resolve()
}

/** One raw connection: what was sent to it, as text. */
export interface RawClient {
  readonly socket: Socket
  readonly text: () => string
  readonly closed: Promise<void>
}

/** Opens a connection and sends text as it is. */
export function sendRaw(port: number, text: string): RawClient {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let received = ''
  socket.on('data', (data: Buffer) => (received += data.toString('latin1')))
  socket.on('error', () => undefined)
  socket.on('end', () => socket.end())
  socket.write(text)
  return { socket, text: () => received, closed: new Promise((resolve) => socket.once('close', () => resolve())) }
}

/** Polls a condition, at most 400 times. */
export async function until(condition: () => boolean, intervalMs = 10): Promise<void> {
  for (let count = 0; count < 400; count++) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
  throw new Error('the condition did not come true')
}
