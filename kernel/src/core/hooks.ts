import {
  decisionFault,
  outboundFault,
  planFault,
  requestFault,
  type Attempt,
  type AttemptFailure,
  type CanonicalRequest,
  type ErrorDecision,
  type Exchange,
  type LocalReply,
  type Outbound,
  type RoutePlan,
  type StageOwner,
  type StreamPipeline,
  type UsageRecord,
} from '@ccr/sdk'
import { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesWaterfallHook, SyncHook } from 'tapable'
import { guard, guardSync } from './guard.ts'
import type { Log } from './log.ts'
import { inOrder } from './order.ts'
import { HOOK_RULES, type Tap } from './tap.ts'

/** An exchange whose request onRequest may replace. */
export interface ReplaceableExchange extends Exchange {
  replaceRequest(request: CanonicalRequest): void
}

/** The hooks that do not depend on a target. A hook without taps is absent, so that it costs nothing. */
export interface HookTable {
  readonly onRequest: AsyncSeriesBailHook<[ReplaceableExchange], LocalReply> | undefined
  readonly selectRoute: AsyncSeriesWaterfallHook<[RoutePlan, Exchange]> | undefined
  readonly onError: AsyncSeriesBailHook<[AttemptFailure, Attempt], ErrorDecision> | undefined
  readonly onUsage: AsyncParallelHook<[UsageRecord, Exchange]> | undefined
  /** Those of the onUsage taps that finish before the terminal frame goes out. */
  readonly onUsageDurable: AsyncParallelHook<[UsageRecord, Exchange]> | undefined
}

/** The two transform hooks, for targets of one dialect. */
export interface TargetHooks {
  readonly canonical: AsyncSeriesWaterfallHook<[Outbound, Attempt]> | undefined
  readonly wire: AsyncSeriesWaterfallHook<[Outbound, Attempt]> | undefined
  readonly send: AsyncSeriesWaterfallHook<[Outbound, Attempt]> | undefined
  readonly stream: SyncHook<[StreamPipeline, Attempt]> | undefined
}

interface TapFor<Args extends readonly unknown[]> {
  readonly tap: Tap
  readonly run: (...args: Args) => Promise<unknown>
}

/** Fresh tapable hooks for one generation; the raw hooks are never handed to a plugin. */
export function createHookTable(taps: readonly Tap[], log: Log): HookTable {
  const usage = guardedUsage(taps, log)
  return Object.freeze({
    onRequest: filled(
      new AsyncSeriesBailHook<[ReplaceableExchange], LocalReply>(['exchange']),
      guardedRequest(taps, log),
    ),
    selectRoute: filled(
      new AsyncSeriesWaterfallHook<[RoutePlan, Exchange]>(['plan', 'exchange']),
      guardedRoute(taps, log),
    ),
    onError: filled(
      new AsyncSeriesBailHook<[AttemptFailure, Attempt], ErrorDecision>(['failure', 'attempt']),
      guardedError(taps, log),
    ),
    onUsage: filled(
      new AsyncParallelHook<[UsageRecord, Exchange]>(['usage', 'exchange']),
      usage.filter(({ tap }) => !tap.durable),
    ),
    onUsageDurable: filled(
      new AsyncParallelHook<[UsageRecord, Exchange]>(['usage', 'exchange']),
      usage.filter(({ tap }) => tap.durable),
    ),
  })
}

/** The transform hooks as a target of this dialect sees them; streams unwind in reverse, like an onion. */
export function createTargetHooks(taps: readonly Tap[], dialect: string, log: Log): TargetHooks {
  const ordered = ofHook(taps, 'transformRequest')
  const waterfall = (stage: string): AsyncSeriesWaterfallHook<[Outbound, Attempt]> | undefined =>
    filled(
      new AsyncSeriesWaterfallHook<[Outbound, Attempt]>(['outbound', 'attempt']),
      ordered
        .filter(
          (tap) => tap.stage === stage && (stage !== 'wire' || tap.dialect === undefined || tap.dialect === dialect),
        )
        .map((tap) => guardedTransform(tap, log)),
    )
  const streams = ofHook(taps, 'transformStream').reverse()
  const stream = streams.length === 0 ? undefined : new SyncHook<[StreamPipeline, Attempt]>(['stream', 'attempt'])
  streams.forEach((tap, stage) =>
    stream?.tap(
      { name: tap.entryId, stage },
      guardSync<[StreamPipeline, Attempt]>(
        tap,
        (pipeline, attempt) => tap.handler(namedPipeline(pipeline, tap), attempt),
        log,
      ),
    ),
  )
  return Object.freeze({ canonical: waterfall('canonical'), wire: waterfall('wire'), send: waterfall('send'), stream })
}

/** A pipeline that knows which tap is building on it, so that a failing stage names its plugin. */
export interface NamingPipeline extends StreamPipeline {
  as(owner: StageOwner): StreamPipeline
}

function namedPipeline(pipeline: StreamPipeline, tap: Tap): StreamPipeline {
  return (pipeline as NamingPipeline).as(tap)
}

function guardedRequest(taps: readonly Tap[], log: Log): TapFor<[ReplaceableExchange]>[] {
  return ofHook(taps, 'onRequest').map((tap) => {
    const run = guard<[ReplaceableExchange]>(
      tap,
      {
        call: (exchange) => tap.handler(exchange.request, exchange),
        fault: requestFault,
        signal: (exchange) => exchange.signal,
      },
      log,
    )
    return {
      tap,
      run: async (exchange) => {
        const decision = (await run(exchange)) as { reply?: LocalReply; request?: CanonicalRequest } | undefined
        if (decision?.reply === undefined && decision?.request !== undefined) exchange.replaceRequest(decision.request)
        return decision?.reply
      },
    }
  })
}

function guardedRoute(taps: readonly Tap[], log: Log): TapFor<[RoutePlan, Exchange]>[] {
  return ofHook(taps, 'selectRoute').map((tap) => {
    const run = guard<[RoutePlan, Exchange]>(
      tap,
      {
        call: (plan, exchange) => tap.handler(plan, exchange),
        fault: planFault,
        signal: (_, exchange) => exchange.signal,
      },
      log,
    )
    const isPicker = tap.stage === HOOK_RULES.selectRoute.stages[0]
    return {
      tap,
      run: async (plan, exchange) => (isPicker && plan.decidedBy !== undefined ? undefined : run(plan, exchange)),
    }
  })
}

function guardedTransform(tap: Tap<'transformRequest'>, log: Log): TapFor<[Outbound, Attempt]> {
  const run = guard<[Outbound, Attempt]>(
    tap,
    {
      call: (outbound, attempt) => tap.handler(outbound, attempt),
      fault: (result, before) => outboundFault(result, before, tap.stage),
      signal: (_, attempt) => attempt.signal,
    },
    log,
  )
  return { tap, run }
}

function guardedError(taps: readonly Tap[], log: Log): TapFor<[AttemptFailure, Attempt]>[] {
  return ofHook(taps, 'onError').map((tap) => ({
    tap,
    run: guard<[AttemptFailure, Attempt]>(
      tap,
      {
        call: (failure, attempt) => tap.handler(failure, attempt),
        fault: decisionFault,
        signal: (_, attempt) => attempt.exchange.signal,
      },
      log,
    ),
  }))
}

const NEVER = new AbortController().signal

function guardedUsage(taps: readonly Tap[], log: Log): TapFor<[UsageRecord, Exchange]>[] {
  return ofHook(taps, 'onUsage').map((tap) => ({
    tap,
    run: guard<[UsageRecord, Exchange]>(
      // Usage is settled after the client has gone, so its signal says nothing here. What a tap gives is of no interest.
      tap,
      { call: (usage, exchange) => tap.handler(usage, exchange), fault: () => undefined, signal: () => NEVER },
      log,
    ),
  }))
}

function ofHook<Hook extends Tap['hook']>(taps: readonly Tap[], hook: Hook): Tap<Hook>[] {
  const stages = HOOK_RULES[hook].stages
  const chosen = taps.filter((tap) => tap.hook === hook)
  const rows = chosen.map((tap) => ({
    tap,
    names: [tap.entryId, tap.plugin],
    stage: stages.indexOf(tap.stage),
    before: tap.before,
    after: tap.after,
  }))
  return inOrder(rows).map(({ tap }) => tap as Tap<Hook>)
}

/** Registers guarded handlers; nothing when there is none. */
function filled<Hook, Args extends readonly unknown[]>(hook: Hook, taps: readonly TapFor<Args>[]): Hook | undefined {
  // tapable's own types count arguments one by one; every guard gives a promise, which is all tapPromise asks for.
  const registrar = hook as {
    tapPromise(options: { name: string; stage: number }, run: (...args: Args) => Promise<unknown>): void
  }
  taps.forEach(({ tap, run }, stage) => registrar.tapPromise({ name: tap.entryId, stage }, run))
  return taps.length === 0 ? undefined : hook
}
