import type {
  CanonicalEvent,
  HookHandlers,
  HookName,
  PluginContext,
  StreamPipeline,
  StreamTransform,
  UsageRecord,
} from '@ccr/sdk'
import { ConformanceError } from './cases.ts'
import { localTargets } from './streams.ts'
import { inWorld, streamsOf, type Subject } from './world.ts'

/** Its handlers take part in exchanges, streamed and whole, without failing; its dialect makes answers of streams. */
export async function handlersWork(subject: Subject): Promise<'passed' | 'skipped'> {
  let result: 'passed' | 'skipped' = 'passed'
  const own: (UsageRecord | undefined)[] = []
  for (const stream of (await streamsOf(subject)).streams) {
    const one = await inWorld(subject, { stream }, async (world) => {
      for (const target of [undefined, ...localTargets(world)]) {
        for (const streams of [true, false]) await world.ask({ stream: streams, ...(target && { target }) })
      }
      const failed = [...world.instance.health.use].filter(([, { errors }]) => errors > 0).map(([hook]) => hook)
      const { usage, warnings } = world.kernel
      if (world.instance.dialects.some(({ name, target }) => target && name === stream.dialect)) own.push(usage[0])
      if (failed.length === 0) return
      const said = usage.flatMap(({ attempts }) => attempts.flatMap(({ error }) => error ?? []))
      const fact = `${failed.join(', ')} failed in a plain exchange: ${said[0] ?? warnings[0] ?? 'no reason given'}`
      throw new ConformanceError(`${fact}; correct the handler`)
    })
    if (one === 'skipped') result = 'skipped'
  }
  // Some may be meant to fail, to see that they do so however they are cut.
  if (own.length > 0 && own.every((record) => record?.status !== 'ok')) {
    const fact = `its dialect makes no answer of its own streams: ${own[0]?.attempts[0]?.error ?? 'no reason given'}`
    throw new ConformanceError(`${fact}; correct the dialect, or the stream of the cases`)
  }
  return result
}

/** What handlers are given they do not change: others hold the same values. */
export async function inputsAreKept(subject: Subject): Promise<'passed' | 'skipped'> {
  let result: 'passed' | 'skipped' = 'passed'
  for (const stream of (await streamsOf(subject)).streams) {
    const faults = new Set<string>()
    const one = await inWorld(subject, { stream, context: (ctx) => comparing(ctx, faults) }, async (world) => {
      for (const streams of [true, false]) await world.ask({ stream: streams })
      if (faults.size === 0) return
      const fact = `it changes what it is given: ${[...faults].join(', ')}`
      throw new ConformanceError(`${fact}; return a new value, such as { ...body, stream: true }`)
    })
    if (one === 'skipped') result = 'skipped'
  }
  return result
}

type Handler = (first: unknown, second: unknown) => unknown

/** A context whose handlers are watched while they run. */
function comparing(ctx: PluginContext, faults: Set<string>): PluginContext {
  const on = <Hook extends HookName>(hook: Hook, handler: HookHandlers[Hook], placement?: never): void => {
    const watched: Handler = (first, second) => {
      const call = handler as Handler
      if (hook === 'transformStream') return call(comparingPipeline(first as StreamPipeline, faults), second)
      return kept([first, requestOf(second)], `the ${SUBJECTS[hook]} of ${hook}`, faults, () => call(first, second))
    }
    ctx.on(hook, watched as HookHandlers[Hook], placement)
  }
  return { ...ctx, on: on as PluginContext['on'] }
}

const SUBJECTS: Readonly<Record<HookName, string>> = {
  onRequest: 'request',
  selectRoute: 'plan or request',
  transformRequest: 'outbound request',
  transformStream: 'events',
  onError: 'failure',
  onUsage: 'usage record',
}

/** The request that the second argument of a handler leads to. */
function requestOf(second: unknown): unknown {
  const { exchange = second, target } = Object(second) as { exchange?: unknown; target?: unknown }
  const { request, headers, providers } = Object(exchange) as Record<string, unknown>
  return { request, headers, providers, target }
}

function comparingPipeline(stream: StreamPipeline, faults: Set<string>): StreamPipeline {
  const note = 'an event of transformStream'
  const pipe = (stage: 'canonical', transform: StreamTransform, options: never): void => {
    const watched: StreamTransform = {
      chunk: (event, emit) => kept(event, note, faults, () => transform.chunk(event, emit)) as void | Promise<void>,
      ...(transform.flush && { flush: (emit) => transform.flush!(emit) }),
      ...(transform.abort && { abort: (reason) => transform.abort!(reason) }),
    }
    stream.pipe(stage, watched, options)
  }
  const observe: StreamPipeline['observe'] = (types, fn) =>
    stream.observe(types, (event: CanonicalEvent) => void kept(event, note, faults, () => fn(event)))
  return { ...stream, pipe: pipe as StreamPipeline['pipe'], observe }
}

/** Runs something, and notes when a value has changed by the time it is done. */
function kept(value: unknown, name: string, faults: Set<string>, run: () => unknown): unknown {
  const before = JSON.stringify(value)
  const compare = (): void => {
    if (JSON.stringify(value) !== before) faults.add(name)
  }
  const result = run()
  compare()
  return result instanceof Promise ? result.finally(compare) : result
}
