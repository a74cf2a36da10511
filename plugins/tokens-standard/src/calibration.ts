import type { CanonicalRequest, Target, TokenCounts } from '@ccr/sdk'

/** How far a provider's own count may be from the estimate before it says nothing about the text. */
const FURTHEST = 2
/** Sessions that are remembered. */
const MOST = 1000
/** Longer names come from no client that is well; remembering them would let one fill the memory. */
const LONGEST_KEY = 1000

/** What providers counted, as a ratio to what was estimated: of the last turn of a session, else of its model. */
export class Calibration {
  readonly #ratios = new Map<string, number>()
  /** Whose counts the ratios of sessions are, where the ratio is all of the difference. */
  readonly #counters = new Map<string, string>()

  /** The ratio for a request; 1 while nothing is known. */
  ratio(request: CanonicalRequest): number {
    return this.#ratios.get(sessionKey(request)) ?? this.#ratios.get(modelKey(request)) ?? 1
  }

  /** Whether the last turn of the request's own session was counted by this target, and near the estimate. */
  knowsSession(request: CanonicalRequest, target: Target | undefined): boolean {
    const key = sessionKey(request)
    return key !== modelKey(request) && target !== undefined && this.#counters.get(key) === targetKey(target)
  }

  /** Learns from a turn that ended well. @param target who counted it, where that is known */
  learn(
    request: CanonicalRequest,
    estimate: number,
    { input, cacheRead, cacheCreation }: TokenCounts,
    target?: Target,
  ): void {
    const counted = input + cacheRead + cacheCreation
    if (counted <= 0 || estimate <= 0) return
    const ratio = Math.min(FURTHEST, Math.max(1 / FURTHEST, counted / estimate))
    for (const key of [modelKey(request), sessionKey(request)]) {
      if (key.length > LONGEST_KEY) continue
      this.#ratios.delete(key)
      this.#ratios.set(key, ratio)
      this.#counters.delete(key)
      if (target && targetKey(target).length <= LONGEST_KEY && ratio === counted / estimate)
        this.#counters.set(key, targetKey(target))
    }
    for (const key of this.#ratios.keys()) {
      if (this.#ratios.size <= MOST) break
      this.#ratios.delete(key)
      this.#counters.delete(key)
    }
  }
}

function targetKey({ provider, model }: Target): string {
  return `${provider},${model}`
}

function modelKey({ model }: CanonicalRequest): string {
  return model
}

/** Clients that name no session are told apart by model alone. */
function sessionKey({ model, metadata }: CanonicalRequest): string {
  const user: unknown = metadata?.user_id
  return typeof user === 'string' ? `${model}\n${user}` : model
}
