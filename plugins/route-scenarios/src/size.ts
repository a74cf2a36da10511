import {
  estimateInput,
  type CanonicalRequest,
  type Exchange,
  type PluginLog,
  type Target,
  type TokenService,
} from '@ccr/sdk'
import type { SessionSizes } from './sessions.ts'

/** A turn this small is not long, however long the one before was: the conversation was cleared or compacted. */
const SMALL_TURN = 20_000

/** Tells whether requests are larger than a threshold. */
export class Sizes {
  readonly #tokens: TokenService | undefined
  readonly #sessions: SessionSizes
  readonly #log: PluginLog

  constructor(tokens: TokenService | undefined, sessions: SessionSizes, log: PluginLog) {
    this.#tokens = tokens
    this.#sessions = sessions
    this.#log = log
  }

  /**
   * Whether a request has more than `threshold` tokens, or its session's last turn had by the provider's own count and
   * this one is not small. At once, unless tokens must be counted.
   *
   * @param target whose tokens they are, where that is known
   */
  exceeds(
    request: CanonicalRequest,
    exchange: Exchange,
    threshold: number,
    target: Target | undefined,
  ): boolean | Promise<boolean> {
    const counted = this.#counted(request, threshold, target)
    const wasLong = this.#sessions.lastOf(exchange.client, exchange.request.model) > threshold
    if (!wasLong) return counted
    const orNotSmall = (exceeds: boolean): boolean | Promise<boolean> =>
      exceeds || this.#counted(request, SMALL_TURN, target)
    return typeof counted === 'boolean' ? orNotSmall(counted) : counted.then(orNotSmall)
  }

  /** A request that cannot be counted is estimated: counting never changes what else decides. */
  #counted(request: CanonicalRequest, threshold: number, target: Target | undefined): boolean | Promise<boolean> {
    if (!this.#tokens) return estimateInput(request) > threshold
    const estimated = (err: unknown): boolean => {
      this.#log.warn({ err }, 'the tokens of a request could not be counted; they are estimated')
      return estimateInput(request) > threshold
    }
    try {
      const counted = this.#tokens.exceeds(request, threshold, target)
      return typeof counted === 'boolean' ? counted : counted.catch(estimated)
    } catch (thrown) {
      return estimated(thrown)
    }
  }
}
