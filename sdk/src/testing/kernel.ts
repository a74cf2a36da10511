import { Probation, runExchange, runInner } from '@ccr/kernel'
import type { Blueprint, ClientSink, Entry, Incoming, Kernel, Log, ProviderBlueprint, Runtime } from '@ccr/kernel'
import { CcrError, definePlugin, Secret } from '@ccr/sdk'
import type { ClientDialect, Endpoint, Plugin, ServiceName, Services, UsageRecord } from '@ccr/sdk'
import { Cancellation, createSettings, joined, type Settings } from '@ccr/sdk/kernel'
import { createTestFacilities, type TestFacilities } from './facilities.ts'
import { ResourceWatch } from './resources.ts'
import { json, toResponse, type TestUpstream } from './upstream.ts'

/** A plugin, a plugin with its options, or with everything an entry may say. */
export type TestEntry = Plugin | readonly [plugin: Plugin, options: unknown] | (Partial<Entry> & Pick<Entry, 'plugin'>)

/** What a test kernel is made of. */
export interface TestKernelOptions extends TestFacilities {
  readonly plugins: readonly TestEntry[]
  /** Providers that are reached through {@link TestKernelOptions.upstream}. */
  readonly providers?: readonly Partial<ProviderBlueprint>[]
  /** Config sections by key. */
  readonly sections?: Readonly<Record<string, unknown>>
  readonly upstream?: TestUpstream
  /** Further routing worlds, each with its own plugins beside those of scope `host`. */
  readonly profiles?: Readonly<Record<string, Pick<TestKernelOptions, 'plugins' | 'providers' | 'sections'>>>
  readonly settings?: Parameters<typeof createSettings>[0]
  /** What the plugins may require, by name, without a plugin that provides it. */
  readonly services?: Partial<Services>
  /** Whether what handlers are given is frozen, as in development; `true` unless given. */
  readonly freeze?: boolean
  /** `fail` (default): {@link TestKernel.dispose} rejects when something that was acquired is left. */
  readonly leaks?: 'fail' | 'ignore'
}

/** The kernel's clock, which stands still but for {@link TestClock.advance}. Its timers run in real time. */
export interface TestClock {
  /** Milliseconds since the epoch. */
  now(): number
  advance(ms: number): void
}

/** What a client got. */
export interface TestReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** Its connection was cut instead of ended. */
  readonly cut: boolean
  json(): unknown
}

/** A line of the routing log. */
export interface RoutingRecord {
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A request of the test's client. */
export interface TestRequest {
  /** The endpoint's path as it was registered; `/v1/messages` unless given. */
  readonly path?: string
  /** Path and query as a client would send them; `path` unless given. */
  readonly url?: string
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** `default` unless given. */
  readonly profile?: string
  /** The client leaves when this is aborted. */
  readonly signal?: AbortSignal
  /** Called with each chunk; giving a promise means: take no more until it resolves. */
  readonly onChunk?: (chunk: string) => void | Promise<void>
}

/** A real kernel with a client, a clock of identifiers and an upstream made of functions. */
export interface TestKernel {
  readonly kernel: Kernel
  readonly reverted: Probation['reverted']
  readonly settings: Settings
  readonly routing: readonly RoutingRecord[]
  readonly usage: readonly UsageRecord[]
  /** What was logged at warn and above. */
  readonly warnings: readonly string[]
  readonly clock: TestClock
  request(request: TestRequest): Promise<TestReply>
  /** A real swap to other plugins, or other options of the same. */
  reload(plugins: readonly TestEntry[], sections?: TestKernelOptions['sections']): Promise<void>
  /**
   * Ends everything; calling it again does nothing.
   *
   * @throws Error naming the timers, handles and listeners that are left
   */
  dispose(): Promise<void>
}

/** Values handlers see are frozen, as in development; identifiers count up, so that answers can be compared. */
export async function createTestKernel(options: TestKernelOptions): Promise<TestKernel> {
  const routing: RoutingRecord[] = []
  const usage: UsageRecord[] = []
  const warnings: string[] = []
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_, message) => void warnings.push(message),
    error: (_, message) => void warnings.push(message),
  }
  const settings = createSettings(options.settings)
  const probation = new Probation({ log, settings, inner: runInner, facilities: createTestFacilities(options) })
  const { kernel } = probation
  const upstream = options.upstream ?? (() => json({ error: { message: 'the test has no upstream' } }, 500))
  const watch = options.leaks === 'ignore' ? undefined : new ResourceWatch()
  const watched = <T>(work: () => T): T => (watch ? watch.run(work) : work())
  let ids = 0
  let time = 1_700_000_000_000
  let disposed: Promise<void> | undefined
  const runtime: Runtime = {
    transport: {
      // What the test itself acquires is its own business.
      send: (request) =>
        ResourceWatch.outside(async () => {
          request.signal.throwIfAborted()
          return toResponse(await upstream({ ...request, body: joined(request.body) }), request.signal.signal)
        }),
    },
    settings,
    routing: {
      record: (_exchange, note) => {
        const { event, ...fields } = note
        routing.push({ event, fields: note.event === 'done' ? { ...note.record } : fields })
        if (note.event === 'done') usage.push(note.record)
      },
    },
    redact: (text) => text,
    newId: (prefix) => `${prefix}${String(++ids).padStart(24, '0')}`,
    now: () => time,
    freeze: options.freeze ?? true,
  }
  try {
    await watched(() => probation.apply(blueprint(options, options.plugins)))
  } catch (thrown) {
    watch?.close()
    throw thrown
  }
  return {
    kernel,
    get reverted() {
      return probation.reverted
    },
    settings,
    routing,
    usage,
    warnings,
    clock: { now: () => time, advance: (ms) => void (time += ms) },
    async request(request) {
      // Each exchange counts from 1, so that two answers can be compared to the byte.
      ids = 0
      const lease = kernel.acquire()
      const { endpoints } = lease.generation.profiles.get(request.profile ?? 'default')!
      const endpoint = exchangeEndpoint(endpoints, request.path ?? '/v1/messages')
      const client = createClient(request)
      await watched(() => runExchange(lease, incoming(request, endpoint, client), runtime, log))
      return client.reply()
    },
    reload: async (plugins, sections = options.sections) => {
      await watched(() => probation.apply(blueprint({ ...options, ...(sections && { sections }) }, plugins)))
    },
    dispose: () => (disposed ??= watched(() => end(kernel, watch))),
  }
}

async function end(kernel: Kernel, watch: ResourceWatch | undefined): Promise<void> {
  await kernel.close()
  const left = (await watch?.left()) ?? []
  watch?.close()
  if (left.length === 0) return
  throw new Error(`the test kernel was disposed, and left: ${left.join(', ')}; undo it in ctx.effect or abort()`)
}

/** Offers services in the place of the plugins that would. */
function servicePlugin(services: Partial<Services>): Plugin {
  const names = Object.keys(services) as ServiceName[]
  return definePlugin({
    name: 'test-services',
    apiVersion: 1,
    description: 'Services of a test.',
    scope: 'host',
    provides: names,
    activate: (ctx) => names.forEach((name) => ctx.provide(name, services[name]!)),
  })
}

function blueprint(options: TestKernelOptions, plugins: readonly TestEntry[]): Blueprint {
  const profiles = Object.entries(options.profiles ?? {}).map(
    ([name, one]) => [name, profile(one, one.plugins)] as const,
  )
  const { services = {} } = options
  // The same plugin at every change, so that nothing that rests on it is activated anew.
  const offered = Object.keys(services).length > 0 ? [offeredBy.get(services) ?? servicePlugin(services)] : []
  for (const plugin of offered) offeredBy.set(services, plugin)
  return { ...profile(options, [...offered, ...plugins]), profiles: Object.fromEntries(profiles) }
}

const offeredBy = new WeakMap<object, Plugin>()

function profile(
  { providers = [], sections = {} }: Pick<TestKernelOptions, 'providers' | 'sections'>,
  plugins: readonly TestEntry[],
) {
  const given = plugins.map((entry): Partial<Entry> & Pick<Entry, 'plugin'> => {
    if ('plugin' in entry) return entry
    return 'name' in entry ? { plugin: entry } : { plugin: entry[0], options: entry[1] }
  })
  const entries = given.map((entry, index): Entry => {
    const { name } = entry.plugin
    const taken = given.slice(0, index).some(({ plugin }) => plugin.name === name)
    return { id: taken ? `${name}-${index}` : name, options: {}, hash: hashOf(entry.plugin), ...entry }
  })
  return {
    entries,
    providers: providers.map((provider) => ({
      name: 'test',
      baseUrl: 'http://127.0.0.1:9/v1',
      models: ['model'],
      dialect: 'openai',
      secret: new Secret('sk-test-secret'),
      ...provider,
    })),
    sections,
  }
}

/** Another plugin object is other code. */
const hashes = new WeakMap<Plugin, string>()
let lastHash = 0
function hashOf(plugin: Plugin): string {
  let hash = hashes.get(plugin)
  if (!hash) hashes.set(plugin, (hash = String(++lastHash)))
  return hash
}

function exchangeEndpoint(
  endpoints: readonly Endpoint[],
  path: string,
): { readonly dialect: string; readonly client: ClientDialect } {
  const found = endpoints.find((endpoint) => endpoint.path === path && 'client' in endpoint)
  if (!found || !('client' in found)) throw new Error(`no plugin of this test serves an exchange at ${path}`)
  return found
}

interface TestClient {
  readonly sink: ClientSink
  readonly cancellation: Cancellation
  reply(): TestReply
}

function createClient({ onChunk, signal }: TestRequest): TestClient {
  const closing = new Cancellation()
  signal?.addEventListener('abort', () => closing.abort(new CcrError('CCR_CLIENT_CLOSED', 'the client left')), {
    once: true,
  })
  let status = 0
  let headers: Readonly<Record<string, string>> = {}
  let cutOff = false
  let taking: Promise<void> | undefined
  const chunks: Buffer[] = []
  const take = (chunk: string | Uint8Array): boolean => {
    const bytes = Buffer.from(chunk as string)
    chunks.push(bytes)
    const pending = onChunk?.(bytes.toString())
    if (!pending) return true
    taking = pending
    return false
  }
  return {
    sink: {
      head: (code, given) => {
        status = code
        headers = given
      },
      write: take,
      drained: () => taking ?? Promise.resolve(),
      end: (chunk) => void (chunk !== undefined && take(chunk)),
      destroy: () => void (cutOff = true),
    },
    cancellation: closing,
    reply: () => {
      const text = Buffer.concat(chunks).toString()
      return { status, headers, text, cut: cutOff, json: () => JSON.parse(text) as unknown }
    },
  }
}

function incoming(
  { body, headers = {}, path = '/v1/messages', url = path, profile = 'default' }: TestRequest,
  endpoint: { dialect: string; client: ClientDialect },
  client: TestClient,
): Incoming {
  const bytes =
    typeof body === 'string' ? Buffer.from(body) : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
  return {
    dialect: endpoint.dialect,
    client: endpoint.client,
    input: { body: bytes, headers, url, params: {} },
    profile,
    sink: client.sink,
    cancellation: client.cancellation,
  }
}
