import type { CanonicalRequest, RequestTokenizer, Target } from '@ccr/sdk'
import type { PartialCount } from './bounds.ts'

/** How long an answer is waited for. */
const LONGEST_MS = 30_000

/** What was answered about whole requests: each is asked about once for a target, however many want to know. */
export class Answers {
  readonly #answers = new WeakMap<CanonicalRequest, Map<string, Promise<number>>>()

  /**
   * The tokens of a request. Leaving ends nobody else's wait.
   *
   * @throws what the tokenizer throws, for what is no number of tokens, after 30 s, or what `signal` was aborted with
   */
  async of(
    request: CanonicalRequest,
    tokenizer: RequestTokenizer,
    target: Target,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const answers = this.#answers.get(request) ?? new Map<string, Promise<number>>()
    this.#answers.set(request, answers)
    const key = `${tokenizer.name}\n${target.provider},${target.model}`
    let answer = answers.get(key)
    if (!answer) {
      answer = ask(request, tokenizer, target)
      answers.set(key, answer)
      // Whoever waits for it is told; that nobody does is no fault.
      answer.catch(() => undefined)
    }
    return signal ? Promise.race([answer, aborted(signal)]) : answer
  }
}

async function ask(request: CanonicalRequest, tokenizer: RequestTokenizer, target: Target): Promise<number> {
  const signal = AbortSignal.timeout(LONGEST_MS)
  const tokens = await Promise.race([tokenizer.count(request, target, signal), aborted(signal)])
  if (Number.isFinite(tokens) && tokens >= 0) return Math.round(tokens)
  throw new Error(`it answered ${String(tokens)}, which is no number of tokens`)
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = (): void => reject(signal.reason as Error)
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  })
}

/** What whoever is asked may count beside the texts: how messages are framed, and words about tools. */
const FRAMING = 1000
/** How far from the truth an estimate of a whole request is at most; and once the session's last turn was counted. */
const FURTHEST = 2
const FURTHEST_CALIBRATED = 1.25

/**
 * Whether there are more than `threshold`, where nobody need be asked about it.
 *
 * @param likely the estimate, calibrated
 * @param calibrated by the last turn of the session itself
 */
export function decideUnasked(
  { atMost }: PartialCount,
  likely: number,
  calibrated: boolean,
  threshold: number,
): boolean | undefined {
  const furthest = calibrated ? FURTHEST_CALIBRATED : FURTHEST
  if (likely > threshold * furthest) return true
  return atMost < Infinity && likely * furthest + FRAMING <= threshold ? false : undefined
}
