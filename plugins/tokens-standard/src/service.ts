import {
  isCcrError,
  messageOf,
  type CanonicalRequest,
  type Target,
  type TokenBounds,
  type TokenCounts,
  type TokenService,
} from '@ccr/sdk'
import { Answers, decideUnasked } from './answers.ts'
import { boundsOf, type PartialCount } from './bounds.ts'
import type { Calibration } from './calibration.ts'
import type { Choice, Choices } from './choice.ts'
import { countExactly, type CountOptions, type TextCounter } from './exact.ts'

export interface ServiceOptions {
  readonly choices: Choices
  readonly counter: TextCounter
  readonly calibration: Calibration
  /** How long a decision waits for a count. A route has 2 s for all it does. */
  readonly decisionMs?: number | undefined
  /** Aborted when the service is at its end: what fails from then on fails because of that. */
  readonly signal?: AbortSignal | undefined
}

/** The service, and what it learns from. */
export interface CalibratedService extends TokenService {
  /**
   * Takes in what a provider counted for a request whose bounds were asked for; others are not read for it.
   *
   * @param target who counted it, where that is known
   */
  learn(request: CanonicalRequest, tokens: TokenCounts, target?: Target): void
}

/** The service `tokens`: what is remembered and what length proves at once; the rest is counted in a thread. */
export function createTokenService({
  choices,
  counter,
  calibration,
  decisionMs = 1000,
  signal,
}: ServiceOptions): CalibratedService {
  /** What was estimated before it was calibrated. */
  const estimates = new WeakMap<CanonicalRequest, number>()
  const answers = new Answers()
  /** Requests that were waited for in vain: a route that asks about several thresholds has no time to do it again. */
  const late = new WeakSet<CanonicalRequest>()

  const bounds = (request: CanonicalRequest, target?: Target): TokenBounds => {
    const choice = choices.for(target)
    const known = boundsOf(request, choice)
    estimates.set(request, known.estimate)
    const likely = Math.round(known.estimate * calibration.ratio(request))
    // What texts prove is nothing to somebody who also counts what stands between them.
    if (choice.asked) return { atLeast: 0, atMost: Infinity, estimate: likely }
    const { atLeast, atMost, estimate } = known
    if (atLeast === atMost) return { atLeast, atMost, estimate }
    return { atLeast, atMost, estimate: Math.min(atMost, Math.max(atLeast, likely)) }
  }

  /** A tokenizer that fails never fails the request: the standard one counts instead, and then an estimate does. */
  const counted = async (
    request: CanonicalRequest,
    choice: Choice,
    target: Target | undefined,
    options: CountOptions,
  ): Promise<number> => {
    try {
      if (choice.asked) return await answers.of(request, choice.asked, target!, options.signal)
      return await countExactly(request, choice, counter, options)
    } catch (thrown) {
      options.signal?.throwIfAborted()
      if (signal?.aborted) return bounds(request).estimate
      // What one client sends must not change how the others are counted.
      if (isCcrError(thrown) && thrown.code === 'CCR_REQUEST_INVALID') choices.refuse(choice, messageOf(thrown))
      else choices.pause(choice, messageOf(thrown))
      if (choice !== choices.standard) return counted(request, choices.standard, target, options)
      return bounds(request).estimate
    }
  }

  return {
    bounds,
    count: (request, target, signal) => counted(request, choices.for(target), target, { signal }),
    exceeds(request, threshold, target) {
      const choice = choices.for(target)
      const known = boundsOf(request, choice, choice.asked ? Infinity : threshold)
      if (!choice.asked && known.atLeast > threshold) return true
      estimates.set(request, known.estimate)
      const likely = choice.asked ? known.estimate * calibration.ratio(request) : known.estimate
      const decided = choice.asked
        ? decideUnasked(known, likely, calibration.knowsSession(request, target), threshold)
        : decide(known, threshold)
      if (decided !== undefined) return decided
      const exact = counted(request, choice, target, { until: threshold })
      return inTime(exact, late.has(request) ? 0 : decisionMs).then((tokens) => {
        if (tokens === undefined) late.add(request)
        return (tokens ?? likely) > threshold
      })
    },
    learn: (request, tokens, target) => calibration.learn(request, estimates.get(request) ?? 0, tokens, target),
  }
}

/** From so many tokens on, an estimate averages over enough text to be trusted, but for this factor. */
const LARGE = 4000
const FURTHEST = 2

/** Whether there may be more than `threshold`: proven, or so far away that no estimate of much text is wrong on it. */
function decide({ atMost, estimate, uncounted }: PartialCount, threshold: number): boolean | undefined {
  if (atMost <= threshold) return false
  if (uncounted < LARGE) return undefined
  const counted = estimate - uncounted
  if (counted + uncounted / FURTHEST > threshold) return true
  return counted + uncounted * FURTHEST <= threshold && atMost < Infinity ? false : undefined
}

/** Nothing where a decision cannot wait longer; what is being counted is remembered for the next one. */
async function inTime(exact: Promise<number>, ms: number): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([exact, late])
  } finally {
    clearTimeout(timer)
  }
}
