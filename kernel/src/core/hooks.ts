import type {
  Attempt, AttemptFailure, CanonicalRequest, ErrorDecision, Exchange, LocalReply, Outbound, RequestDecision, RoutePlan,
  Target, UsageRecord,
} from '@ccr/sdk'
import { decisionFault, inOrder, outboundFault, type Pipeline, planFault, requestFault } from '@ccr/sdk/kernel'
import { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesWaterfallHook, SyncHook } from 'tapable'
import { guard, guardSync } from './guard.ts'
import type { Log } from './log.ts'
import { HOOK_RULES, type Tap } from './tap.ts'

/** An exchange whose request onRequest may replace. */
export interface ReplaceableExchange extends Exchange {
  replaceRequest(request: CanonicalRequest): void
}

/** The hooks that do not depend on a target. A hook without taps is absent, so that it costs nothing. */
export type HookTable = ReturnType<typeof createHookTable>

/** The two transform hooks, for targets of one dialect. */
export type TargetHooks = ReturnType<typeof createTargetHooks>

/** A pipeline that knows which tap is building on it, so that a failing stage names its plugin. */
type NamingPipeline = Pick<Pipeline, 'as'>

type Registered<Args extends readonly unknown[]> = readonly [tap: Tap, run: (...args: Args) => Promise<unknown>]

/** Fresh tapable hooks for one generation; the raw hooks are never handed to a plugin. */
export function createHookTable(taps: readonly Tap[], log: Log) {
  const usage = ofHook(taps, 'onUsage').map((tap) => usageTap(tap, log))
  const requests = ofHook(taps, 'onRequest').map((tap) => requestTap(tap, log))
  const routes = ofHook(taps, 'selectRoute').map((tap) => routeTap(tap, log))
  const errors = ofHook(taps, 'onError').map((tap) => errorTap(tap, log))
  return Object.freeze({
    onRequest: filled(new AsyncSeriesBailHook<[ReplaceableExchange], LocalReply>(['exchange']), requests),
    selectRoute: filled(new AsyncSeriesWaterfallHook<[RoutePlan, Exchange]>(['plan', 'exchange']), routes),
    onError: filled(new AsyncSeriesBailHook<[AttemptFailure, Attempt], ErrorDecision>(['failure', 'attempt']), errors),
    onUsage: filled(parallel(), usage.filter(([tap]) => !tap.durable)),
    // Those that finish before the terminal frame goes out.
    onUsageDurable: filled(parallel(), usage.filter(([tap]) => tap.durable)),
  })
}

/** Finds a cycle among the transforms when a generation is built, and not at its first request; see {@link inOrder}. */
export function checkTransformOrder(taps: readonly Tap[]): void {
  ofHook(taps, 'transformRequest')
  ofHook(taps, 'transformStream')
}

/** The transform hooks as a target of this dialect sees them; streams unwind in reverse, like an onion. */
export function createTargetHooks(taps: readonly Tap[], dialect: string, log: Log) {
  const sees = (tap: Tap): boolean => tap.stage !== 'wire' || (tap.dialect ?? dialect) === dialect
  const seen = ofHook(taps, 'transformRequest').filter(sees)
  const waterfall = (stage: string) => {
    const chosen = seen.filter((tap) => tap.stage === stage).map((tap) => transformTap(tap, log))
    return filled(new AsyncSeriesWaterfallHook<[Outbound, Attempt]>(['outbound', 'attempt']), chosen)
  }
  const streams = ofHook(taps, 'transformStream').reverse()
  const stream = streams.length === 0 ? undefined : new SyncHook<[NamingPipeline, Attempt]>(['stream', 'attempt'])
  streams.forEach((tap, place) => stream?.tap({ name: tap.entryId, stage: place }, streamTap(tap, log)))
  return Object.freeze({ canonical: waterfall('canonical'), wire: waterfall('wire'), send: waterfall('send'), stream })
}

function requestTap(tap: Tap<'onRequest'>, log: Log): Registered<[ReplaceableExchange]> {
  const call = (exchange: Exchange): unknown => tap.handler(exchange.request, exchange)
  const run = guard<[Exchange]>(tap, { call, fault: requestFault, signal: ({ signal }) => signal }, log)
  const replace = async (exchange: ReplaceableExchange): Promise<LocalReply | undefined> => {
    const decision = (await run(exchange)) as RequestDecision | undefined
    if (decision && 'reply' in decision) return decision.reply
    if (decision) exchange.replaceRequest(decision.request)
    return undefined
  }
  return [tap, provided(tap, replace, (exchange) => exchange)]
}

/** The handler where its entry's condition holds, which may need the target of the call. */
function provided<Args extends readonly unknown[]>(
  { when }: Tap,
  run: (...args: Args) => Promise<unknown>,
  exchangeOf: (...args: Args) => Exchange,
  targetOf?: (...args: Args) => Target | undefined,
): (...args: Args) => Promise<unknown> {
  if (!when) return run
  return async (...args) => {
    const target = targetOf?.(...args)
    if (when.exchange?.(exchangeOf(...args)) === false) return undefined
    // Where a target could have answered and none did, a condition on it does not hold.
    return targetOf && when.target && !(target && when.target(target)) ? undefined : run(...args)
  }
}

function routeTap(tap: Tap<'selectRoute'>, log: Log): Registered<[RoutePlan, Exchange]> {
  const signal = (_: RoutePlan, exchange: Exchange): AbortSignal => exchange.signal
  const run = guard<[RoutePlan, Exchange]>(tap, { call: tap.handler, fault: planFault, signal }, log)
  const always = tap.stage !== HOOK_RULES.selectRoute.stages[0]
  const pick = async (plan: RoutePlan, exchange: Exchange) =>
    plan.decidedBy === undefined ? run(plan, exchange) : undefined
  return [tap, provided(tap, always ? run : pick, (_, exchange) => exchange)]
}

function transformTap(tap: Tap<'transformRequest'>, log: Log): Registered<[Outbound, Attempt]> {
  const fault = (result: unknown, before: Outbound): string | undefined => outboundFault(result, before, tap.stage)
  const signal = (_: Outbound, attempt: Attempt): AbortSignal => attempt.signal
  const run = guard<[Outbound, Attempt]>(tap, { call: tap.handler, fault, signal }, log)
  return [tap, provided(tap, run, (_, { exchange }) => exchange)]
}

function streamTap(tap: Tap<'transformStream'>, log: Log): (stream: NamingPipeline, attempt: Attempt) => void {
  const call = (stream: NamingPipeline, attempt: Attempt): unknown =>
    tap.when?.exchange?.(attempt.exchange) === false ? undefined : tap.handler(stream.as(tap), attempt)
  return guardSync(tap, call, log)
}

function errorTap(tap: Tap<'onError'>, log: Log): Registered<[AttemptFailure, Attempt]> {
  const signal = (_: AttemptFailure, attempt: Attempt): AbortSignal => attempt.exchange.signal
  const run = guard<[AttemptFailure, Attempt]>(tap, { call: tap.handler, fault: decisionFault, signal }, log)
  return [tap, provided(tap, run, (_, { exchange }) => exchange, (_, { target }) => target)]
}

/** Usage is settled when the client may have gone, so no signal ends the wait; what a tap gives is of no interest. */
const NEVER = new AbortController().signal

function usageTap(tap: Tap<'onUsage'>, log: Log): Registered<[UsageRecord, Exchange]> {
  const seam = { call: tap.handler, fault: () => undefined, signal: () => NEVER }
  const run = guard<[UsageRecord, Exchange]>(tap, seam, log)
  const targetOf = ({ provider, model }: UsageRecord): Target | undefined =>
    provider === undefined || model === undefined ? undefined : { provider, model }
  return [tap, provided(tap, run, (_, exchange) => exchange, targetOf)]
}

function parallel(): AsyncParallelHook<[UsageRecord, Exchange]> {
  return new AsyncParallelHook(['usage', 'exchange'])
}

function ofHook<Hook extends Tap['hook']>(taps: readonly Tap[], hook: Hook): Tap<Hook>[] {
  const rows = taps.flatMap((tap) => {
    if (tap.hook !== hook) return []
    const stage = HOOK_RULES[hook].stages.indexOf(tap.stage)
    return [{ tap, names: [tap.entryId, tap.plugin], stage, before: tap.before, after: tap.after }]
  })
  return inOrder(rows).map(({ tap }) => tap as Tap<Hook>)
}

/** Registers guarded handlers; nothing when there is none. */
function filled<Hook, Args extends readonly unknown[]>(hook: Hook, taps: readonly Registered<Args>[]) {
  // tapable's own types count arguments one by one; every guard gives a promise, which is all tapPromise asks for.
  const to = hook as { tapPromise(options: { name: string; stage: number }, run: Registered<Args>[1]): void }
  taps.forEach(([tap, run], stage) => to.tapPromise({ name: tap.entryId, stage }, run))
  return taps.length === 0 ? undefined : hook
}
