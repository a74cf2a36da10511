import type { Attempt, AttemptFailure, CanonicalRequest, ErrorDecision, Exchange, HookName, LocalReply } from '@ccr/sdk'
import type { FailureReply, Outbound, RequestDecision, RoutePlan, Target, UsageRecord } from '@ccr/sdk'
import { decisionFault, inOrder, outboundFault, planFault, requestFault } from '@ccr/sdk/kernel'
import type { Abortable, Pipeline } from '@ccr/sdk/kernel'
import { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesWaterfallHook, SyncHook } from 'tapable'
import { guard, type Guarded, guardSync } from './guard.ts'
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

/** An answer that a plugin makes by itself. */
export type Made = { readonly reply: Exclude<LocalReply, Refused>; readonly by: Tap }
type Refused = { readonly failure: FailureReply }

/** Fresh tapable hooks for one generation; the raw hooks are never handed to a plugin. */
export function createHookTable(taps: readonly Tap[]) {
  const onRequest = new AsyncSeriesBailHook<[undefined, HookedExchange], Made | Refused>(['_', 'exchange'])
  const selectRoute = new AsyncSeriesWaterfallHook<[RoutePlan, HookedExchange]>(['plan', 'exchange'])
  const onError = new AsyncSeriesBailHook<[AttemptFailure, HookedAttempt], ErrorDecision>(['failure', 'attempt'])
  const usage = (durable: boolean) => {
    const chosen = ofHook(taps, 'onUsage').filter((tap) => tap.durable === durable)
    return filled(new AsyncParallelHook<[UsageRecord, Exchange]>(['usage', 'exchange']), chosen, usageTap, answeredBy)
  }
  return Object.freeze({
    onRequest: filled(onRequest, ofHook(taps, 'onRequest'), requestTap),
    selectRoute: filled(selectRoute, ofHook(taps, 'selectRoute'), routeTap),
    onError: filled(onError, ofHook(taps, 'onError'), errorTap, (_, { target }) => target),
    onUsage: usage(false),
    // Those that finish before the terminal frame goes out.
    onUsageDurable: usage(true),
  })
}

/** Finds a cycle among the transforms when a generation is built, and not at its first request; see {@link inOrder}. */
export function checkTransformOrder(taps: readonly Tap[]): void {
  ofHook(taps, 'transformRequest')
  ofHook(taps, 'transformStream')
}

/** The transform hooks as a target of this dialect sees them; streams unwind in reverse, like an onion. */
export function createTargetHooks(taps: readonly Tap[], dialect: string) {
  const sees = (tap: Tap): boolean => tap.stage !== 'wire' || (tap.dialect ?? dialect) === dialect
  const seen = ofHook(taps, 'transformRequest').filter(sees)
  const waterfall = (stage: string) => {
    const hook = new AsyncSeriesWaterfallHook<[Outbound, HookedAttempt]>(['outbound', 'attempt'])
    const chosen = seen.filter((tap) => tap.stage === stage)
    return filled(hook, chosen, transformTap)
  }
  const streams = ofHook(taps, 'transformStream').reverse()
  const stream = streams.length === 0 ? undefined : new SyncHook<[NamingPipeline, Attempt]>(['stream', 'attempt'])
  streams.forEach((tap, place) => stream?.tap({ name: tap.entryId, stage: place }, streamTap(tap)))
  return Object.freeze({ canonical: waterfall('canonical'), wire: waterfall('wire'), send: waterfall('send'), stream })
}

function requestTap(tap: Tap<'onRequest'>): Guarded<undefined, HookedExchange> {
  const call = (_: undefined, exchange: Exchange): unknown => tap.handler(exchange.request, exchange)
  const run = guard<undefined, HookedExchange>(tap, { call, fault: requestFault, cancellation })
  return (_, exchange, done) =>
    run(_, exchange, (error, result) => {
      const decision = result as RequestDecision | undefined
      if (error || !decision) return done(error)
      if ('reply' in decision) {
        const { reply } = decision
        return done(undefined, 'failure' in reply ? reply : { reply, by: tap })
      }
      exchange.replaceRequest(decision.request)
      done(undefined)
    })
}

function routeTap(tap: Tap<'selectRoute'>): Guarded<RoutePlan, HookedExchange> {
  const run = guard<RoutePlan, HookedExchange>(tap, { call: tap.handler, fault: planFault, cancellation })
  if (tap.stage !== HOOK_RULES.selectRoute.stages[0]) return run
  return (plan, exchange, done) => (plan.decidedBy === undefined ? run(plan, exchange, done) : done(undefined))
}

function transformTap(tap: Tap<'transformRequest'>): Guarded<Outbound, HookedAttempt> {
  const fault = (result: unknown, before: Outbound): string | undefined => outboundFault(result, before, tap.stage)
  return guard<Outbound, HookedAttempt>(tap, { call: tap.handler, fault, cancellation })
}

function streamTap(tap: Tap<'transformStream'>): (stream: NamingPipeline, attempt: Attempt) => void {
  return guardSync(tap, (stream: NamingPipeline, attempt: Attempt): unknown =>
    tap.when?.exchange?.(attempt.exchange) === false ? undefined : tap.handler(stream.as(tap), attempt),
  )
}

/** The attempt is over; what may still end is its exchange. */
function errorTap(tap: Tap<'onError'>): Guarded<AttemptFailure, HookedAttempt> {
  const ofExchange = ({ exchange }: HookedAttempt): Abortable => exchange.cancellation
  return guard(tap, { call: tap.handler, fault: decisionFault, cancellation: ofExchange })
}

/** Usage is settled when the client may have gone, so nothing ends the wait; what a tap gives is of no interest. */
function usageTap(tap: Tap<'onUsage'>): Guarded<UsageRecord, Exchange> {
  return guard<UsageRecord, Exchange>(tap, { call: tap.handler, fault: () => undefined, cancellation: () => undefined })
}

function cancellation(of: HookedExchange | HookedAttempt): Abortable {
  return of.cancellation
}

function answeredBy({ provider, model }: UsageRecord): Target | undefined {
  return provider === undefined || model === undefined ? undefined : { provider, model }
}

function ofHook<Hook extends HookName>(taps: readonly Tap[], hook: Hook): Tap<Hook>[] {
  const rows = taps.flatMap((tap) => {
    if (tap.hook !== hook) return []
    const stage = HOOK_RULES[hook].stages.indexOf(tap.stage)
    return [{ tap, names: [tap.entryId, tap.plugin], stage, before: tap.before, after: tap.after }]
  })
  return inOrder(rows).map(({ tap }) => tap as Tap<Hook>)
}

/** Registers what is made of each handler, to run where its entry's condition holds; nothing when there is none. */
function filled<Hook, Name extends HookName, First, Second extends Exchange | Attempt>(
  hook: Hook,
  taps: readonly Tap<Name>[],
  guarded: (tap: Tap<Name>) => Guarded<First, Second>,
  targetOf?: (first: First, second: Second) => Target | undefined,
): Hook | undefined {
  // tapable's own types count arguments one by one; every hook here has two.
  const to = hook as { tapAsync(options: { name: string; stage: number }, run: Guarded<First, Second>): void }
  taps.forEach((tap, stage) => to.tapAsync({ name: tap.entryId, stage }, provided(tap, guarded(tap), targetOf)))
  return taps.length === 0 ? undefined : hook
}

/** The handler where its entry's condition holds, which may need the target of the call. */
function provided<First, Second extends Exchange | Attempt>(
  { when }: Tap,
  run: Guarded<First, Second>,
  targetOf?: (first: First, second: Second) => Target | undefined,
): Guarded<First, Second> {
  if (!when) return run
  return (first, second, done) => {
    if (when.exchange?.('exchange' in second ? second.exchange : second) === false) return done(undefined)
    const target = targetOf?.(first, second)
    // Where a target could have answered and none did, a condition on it does not hold.
    if (targetOf && when.target && !(target && when.target(target))) return done(undefined)
    run(first, second, done)
  }
}
