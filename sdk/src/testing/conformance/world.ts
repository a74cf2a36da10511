import type { Generation } from '@ccr/kernel'
import { definePlugin, isCcrError, type Plugin, type PluginContext, type RoutePlan } from '@ccr/sdk'
import { fixtures } from '../fixtures.ts'
import { createTestKernel, type TestKernel, type TestReply } from '../kernel.ts'
import { ResourceWatch } from '../resources.ts'
import { sse, type TestAnswer } from '../upstream.ts'
import { PLAIN_PATH, plainClient, wireDialect } from '../wire-dialect.ts'
import { ConformanceError, type ConformanceCases, type ConformanceLimits, type StreamCase } from './cases.ts'
import { answerText, DEFAULT_STREAMS, PLAIN_STREAM } from './default-streams.ts'

/** What is checked, and with what. */
export interface Subject {
  readonly plugin: Plugin
  readonly cases: ConformanceCases
  readonly limits: ConformanceLimits
}

/** The plugin, activated. */
export type Instance = Generation['instances'][number]

/** How one world differs from the others. */
export interface WorldOptions {
  /** Those of the first valid case unless given. */
  readonly options?: unknown
  readonly stream?: StreamCase | undefined
  /** Looks at, or changes, what the plugin is activated with. */
  readonly context?: ((ctx: PluginContext) => PluginContext) | undefined
  /** What the upstream answers; the stream's own answer unless given. */
  readonly answer?: ((body: string, signal: AbortSignal) => TestAnswer) | undefined
  readonly watch?: ResourceWatch | undefined
}

/** A kernel with the plugin, a client, and a provider that speaks the dialect of the stream. */
export interface World {
  readonly kernel: TestKernel
  readonly instance: Instance
  /** Asks as a client; the route leads to the provider of the stream unless a target is given. */
  ask(how?: AskOptions): Promise<TestReply>
  /** The same plugin as new code. */
  reload(): Promise<void>
  close(): Promise<void>
}

export interface AskOptions {
  readonly stream?: boolean
  /** `provider,model`. */
  readonly target?: string
  readonly signal?: AbortSignal
  readonly onChunk?: () => void
}

const PROVIDER = 'conformance'
const TARGET_HEADER = 'x-conformance-target'

/**
 * Starts a world.
 *
 * @throws ConformanceError when the plugin cannot be activated
 */
export async function startWorld(subject: Subject, how: WorldOptions = {}): Promise<World> {
  const { plugin, cases, limits } = subject
  const stream = how.stream ?? cases.streams?.[0] ?? PLAIN_STREAM
  const watch = how.watch ?? new ResourceWatch({ offline: true })
  let codes = 0
  const isOwn = stream.dialect !== 'plain' && (await ownDialects(subject)).includes(stream.dialect)
  const entries = () => [
    plainClient(),
    ...(isOwn ? [] : [wireDialect(stream)]),
    { plugin: inContext(plugin, how.context), options: how.options ?? cases.valid?.[0] ?? {}, hash: `${++codes}` },
    route,
  ]
  const body = answerText(stream)
  const { secrets, http, files, sections, services } = cases
  try {
    const kernel = await watch.run(() =>
      createTestKernel({
        plugins: entries(),
        providers: [{ name: PROVIDER, dialect: stream.dialect }, ...(cases.providers ?? [])],
        upstream: ({ signal }) =>
          how.answer?.(body, signal.signal) ?? {
            ...sse(body),
            ...(stream.contentType !== undefined && { headers: { 'content-type': stream.contentType } }),
          },
        settings: {
          timeouts: limits.activateMs === undefined ? {} : { activate: limits.activateMs },
          // A plugin that fails is looked at all the same.
          limits: { failures: 1_000_000 },
        },
        freeze: false,
        leaks: 'ignore',
        ...(secrets && { secrets }),
        ...(http && { http }),
        ...(files && { files }),
        ...(sections && { sections }),
        ...(services && { services }),
      }),
    )
    return {
      kernel,
      get instance() {
        return instanceOf(kernel, plugin)!
      },
      ask: ({ stream: streams = true, target, signal, onChunk } = {}) => {
        const asked = stream.request ?? fixtures.toolUse()
        return watch.run(() =>
          kernel.request({
            path: PLAIN_PATH,
            body: { ...asked, stream: streams },
            headers: target === undefined ? {} : { [TARGET_HEADER]: target },
            ...(signal && { signal }),
            ...(onChunk && { onChunk }),
          }),
        )
      },
      reload: () => watch.run(() => kernel.reload(entries())),
      close: async () => {
        await watch.run(() => kernel.dispose())
        if (!how.watch) watch.close()
      },
    }
  } catch (thrown) {
    if (!how.watch) watch.close()
    if (!isCcrError(thrown)) throw thrown
    throw new ConformanceError(thrown.message, { cause: thrown })
  }
}

/** Starts a world and closes it, or says that another check tells why there is none. */
export async function inWorld(
  subject: Subject,
  how: WorldOptions,
  look: (world: World) => Promise<void>,
): Promise<'passed' | 'skipped'> {
  const world = await startWorld(subject, how).catch((thrown: unknown) => {
    if (thrown instanceof ConformanceError) return undefined
    throw thrown
  })
  if (!world) return 'skipped'
  try {
    await look(world)
    return 'passed'
  } finally {
    await world.close()
  }
}

/** The streams that a plugin is tried with, and the dialect of which there should be one more. */
export interface Streams {
  readonly streams: readonly StreamCase[]
  readonly missing?: string | undefined
}

/** Those of the cases, or else those that fit what the plugin registers. */
export async function streamsOf(subject: Subject): Promise<Streams> {
  const given = subject.cases.streams
  if (given) return { streams: given }
  let found: Streams = { streams: [PLAIN_STREAM] }
  await inWorld(subject, { stream: PLAIN_STREAM }, ({ instance }) => {
    const own = instance.dialects.find(({ target }) => target !== undefined)?.name
    const wire = instance.taps.flatMap(({ stage, dialect }) =>
      stage === 'wire' && dialect !== undefined ? dialect : [],
    )
    const streams = wire.flatMap((dialect) => DEFAULT_STREAMS.get(dialect) ?? [])
    if (streams.length > 0) found = { streams: [...new Set(streams)] }
    const missing = own ?? wire.find((dialect) => !DEFAULT_STREAMS.has(dialect))
    if (missing !== undefined) found = { ...found, missing }
    return Promise.resolve()
  })
  return found
}

/** The dialects that the plugin itself speaks to providers. */
function ownDialects(subject: Subject): Promise<readonly string[]> {
  const known = own.get(subject)
  if (known) return known
  let names: readonly string[] = []
  const probe = inWorld(subject, { stream: PLAIN_STREAM }, ({ instance }) => {
    names = instance.dialects.flatMap(({ name, target }) => (target ? name : []))
    return Promise.resolve()
  }).then(() => names)
  own.set(subject, probe)
  return probe
}

const own = new WeakMap<Subject, Promise<readonly string[]>>()

function instanceOf(kernel: TestKernel, plugin: Plugin): Instance | undefined {
  return kernel.kernel.current?.instances.find(({ entry }) => entry.plugin.name === plugin.name)
}

function inContext(plugin: Plugin, change: WorldOptions['context']): Plugin {
  return change ? { ...plugin, activate: (ctx) => plugin.activate(change(ctx)) } : plugin
}

const route = definePlugin({
  name: 'conformance-route',
  apiVersion: 1,
  description: 'Leads to the provider of the checks what nobody decided about.',
  activate(ctx) {
    const decide = (plan: RoutePlan, target: string): RoutePlan => {
      const comma = target.indexOf(',')
      const chosen = { provider: target.slice(0, comma), model: target.slice(comma + 1) }
      return { ...plan, targets: [chosen], primary: chosen, decidedBy: 'conformance-route', source: 'config' }
    }
    ctx.on(
      'selectRoute',
      (plan, { headers }) => {
        const target = headers[TARGET_HEADER]
        // What a check wants goes before what the plugin decided.
        if (typeof target === 'string') return decide(plan, target)
        return plan.decidedBy === undefined ? decide(plan, `${PROVIDER},model`) : undefined
      },
      { stage: 'refine' },
    )
  },
})
