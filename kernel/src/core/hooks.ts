import type { Attempt, AttemptFailure, CanonicalRequest, ErrorDecision, Exchange, LocalReply } from '@ccr/sdk'
import type { Outbound, RequestDecision, RoutePlan, Target, UsageRecord } from '@ccr/sdk'
import { decisionFault, inOrder, outboundFault, planFault, requestFault } from '@ccr/sdk/kernel'
import type { Abortable, Pipeline } from '@ccr/sdk/kernel'
import { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesWaterfallHook, SyncHook } from 'tapable'
import { guard, type Guarded, guardSync } from './guard.ts'
import type { Log } from './log.ts'
import { HOOK_RULES, type Tap } from './tap.ts'

/** An exchange as hooks see it: what ends a wait for it is no AbortSignal, and onRequest may replace its request. */
export interface HookedExchange extends Exchange {
  readonly cancellation: Abortable
  replaceRequest(request: CanonicalRequest): void
}

/** The same of one attempt. */
interface HookedAttempt extends Attempt {
  readonly exchange: HookedExchange
  readonly cancellation: Abortable
}

/** The hooks that do not depend on a target. A hook without taps is absent, so that it costs nothing. */
export type HookTable = ReturnType<typeof createHookTable>

/** The two transform hooks, for targets of one dialect. */
export type TargetHooks = ReturnType<typeof createTargetHooks>

/** A pipeline that knows which tap is building on it, so that a failing stage names its plugin. */
type NamingPipeline = Pick<Pipeline, 'as'>

/** What a plugin answers by itself. */
export type Replied = { readonly reply: LocalReply; readonly by: Tap }

type Failed = [failure: AttemptFailure, attempt: HookedAttempt]
type Registered<First, Second> = readonly [tap: Tap, run: Guarded<First, Second>]

/** Fresh tapable hooks for one generation; the raw hooks are never handed to a plugin. */
export function createHookTable(taps: readonly Tap[], log: Log) {
  const usage = (durable: boolean): Registered<UsageRecord, Exchange>[] =>
    ofHook(taps, 'onUsage').flatMap((tap) => (tap.durable === durable ? [usageTap(tap, log)] : []))
  const requests = ofHook(taps, 'onRequest').map((tap) => requestTap(tap, log))
  const routes = ofHook(taps, 'selectRoute').map((tap) => routeTap(tap, log))
  const errors = ofHook(taps, 'onError').map((tap) => errorTap(tap, log))
  return Object.freeze({
    onRequest: filled(new AsyncSeriesBailHook<[undefined, HookedExchange], Replied>(['_', 'exchange']), requests),
    selectRoute: filled(new AsyncSeriesWaterfallHook<[RoutePlan, HookedExchange]>(['plan', 'exchange']), routes),
    onError: filled(new AsyncSeriesBailHook<Failed, ErrorDecision>(['failure', 'attempt']), errors),
    onUsage: filled(parallel(), usage(false)),
    // Those that finish before the terminal frame goes out.
    onUsageDurable: filled(parallel(), usage(true)),
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
    return filled(new AsyncSeriesWaterfallHook<[Outbound, HookedAttempt]>(['outbound', 'attempt']), chosen)
  }
  const streams = ofHook(taps, 'transformStream').reverse()
  const stream = streams.length === 0 ? undefined : new SyncHook<[NamingPipeline, Attempt]>(['stream', 'attempt'])
  streams.forEach((tap, place) => stream?.tap({ name: tap.entryId, stage: place }, streamTap(tap, log)))
  return Object.freeze({ canonical: waterfall('canonical'), wire: waterfall('wire'), send: waterfall('send'), stream })
}

function requestTap(tap: Tap<'onRequest'>, log: Log): Registered<undefined, HookedExchange> {
  const call = (_: undefined, exchange: Exchange): unknown => tap.handler(exchange.request, exchange)
  const run = guard<undefined, HookedExchange>(tap, { call, fault: requestFault, cancellation: ofExchange }, log)
  const replace: typeof run = (_, exchange, done) =>
    run(_, exchange, (error, result) => {
      const decision = result as RequestDecision | undefined
      if (error || !decision) return done(error)
      if ('reply' in decision) return done(undefined, { reply: decision.reply, by: tap })
      exchange.replaceRequest(decision.request)
      done(undefined)
    })
  return [tap, provided(tap, replace, (_, exchange) => exchange)]
}

/** The handler where its entry's condition holds, which may need the target of the call. */
function provided<First, Second>(
  { when }: Tap,
  run: Guarded<First, Second>,
  exchangeOf: (first: First, second: Second) => Exchange,
  targetOf?: (first: First, second: Second) => Target | undefined,
): Guarded<First, Second> {
  if (!when) return run
  return (first, second, done) => {
    const target = targetOf?.(first, second)
    if (when.exchange?.(exchangeOf(first, second)) === false) return done(undefined)
    // Where a target could have answered and none did, a condition on it does not hold.
    if (targetOf && when.target && !(target && when.target(target))) return done(undefined)
    run(first, second, done)
  }
}

function ofExchange(_: unknown, { cancellation }: HookedExchange): Abortable {
  return cancellation
}

function ofAttempt(_: unknown, { exchange }: Attempt): Exchange {
  return exchange
}

function routeTap(tap: Tap<'selectRoute'>, log: Log): Registered<RoutePlan, HookedExchange> {
  const seam = { call: tap.handler, fault: planFault, cancellation: ofExchange }
  const run = guard<RoutePlan, HookedExchange>(tap, seam, log)
  const always = tap.stage !== HOOK_RULES.selectRoute.stages[0]
  const pick: typeof run = (plan, exchange, done) =>
    plan.decidedBy === undefined ? run(plan, exchange, done) : done(undefined)
  return [tap, provided(tap, always ? run : pick, (_, exchange) => exchange)]
}

function transformTap(tap: Tap<'transformRequest'>, log: Log): Registered<Outbound, HookedAttempt> {
  const fault = (result: unknown, before: Outbound): string | undefined => outboundFault(result, before, tap.stage)
  const cancellation = (_: Outbound, attempt: HookedAttempt): Abortable => attempt.cancellation
  const run = guard(tap, { call: tap.handler, fault, cancellation }, log)
  return [tap, provided(tap, run, ofAttempt)]
}

function streamTap(tap: Tap<'transformStream'>, log: Log): (stream: NamingPipeline, attempt: Attempt) => void {
  const call = (stream: NamingPipeline, attempt: Attempt): unknown =>
    tap.when?.exchange?.(attempt.exchange) === false ? undefined : tap.handler(stream.as(tap), attempt)
  return guardSync(tap, call, log)
}

function errorTap(tap: Tap<'onError'>, log: Log): Registered<AttemptFailure, HookedAttempt> {
  const cancellation = (_: AttemptFailure, { exchange }: HookedAttempt): Abortable => exchange.cancellation
  const run = guard(tap, { call: tap.handler, fault: decisionFault, cancellation }, log)
  return [tap, provided(tap, run, ofAttempt, (_, { target }) => target)]
}

function usageTap(tap: Tap<'onUsage'>, log: Log): Registered<UsageRecord, Exchange> {
  // Usage is settled when the client may have gone, so nothing ends the wait; what a tap gives is of no interest.
  const seam = { call: tap.handler, fault: () => undefined, cancellation: () => undefined }
  const run = guard<UsageRecord, Exchange>(tap, seam, log)
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
function filled<Hook, First, Second>(hook: Hook, taps: readonly Registered<First, Second>[]) {
  // tapable's own types count arguments one by one; every hook here has two.
  const to = hook as { tapAsync(options: { name: string; stage: number }, run: Guarded<First, Second>): void }
  taps.forEach(([tap, run], stage) => to.tapAsync({ name: tap.entryId, stage }, run))
  return taps.length === 0 ? undefined : hook
}
