import type { AttemptFailure, AttemptOutcome } from '@ccr/sdk'
import type { HealthSettings } from './settings.ts'

/** `closed`: used · `open`: left alone · `half-open`: one request at a time tries it. */
export type HealthStatus = 'closed' | 'open' | 'half-open'

/** What is known of a target, as it is told. Times are milliseconds since the epoch. */
export interface HealthReport {
  readonly status: HealthStatus
  readonly failureCount: number
  readonly successCount: number
  readonly lastFailureTime?: number | undefined
  /** Kind and HTTP status of the last failure; no words of an upstream. */
  readonly reason?: string | undefined
  readonly cooldownUntil?: number | undefined
  /** When a request may try it. */
  readonly nextTrialAt?: number | undefined
}

/** Whether a request may go to a target now; `isTried`: another one is trying it. */
export type Permission = 'use' | 'trial' | { readonly refused: string; readonly isTried: boolean }

/** How an attempt ended, and when. */
export interface AttemptEnd {
  readonly outcome: AttemptOutcome
  readonly kind?: AttemptFailure['kind'] | undefined
  readonly status?: number | undefined
  readonly retryAfterMs?: number | undefined
  /** Another try will not mend it: a key that is refused, or a certificate. */
  readonly isLasting?: boolean | undefined
  /** What began before a target was opened says nothing new of it. */
  readonly startedAt: number
  readonly now: number
  /** Of its exchange: a config of later ones may have other credentials. */
  readonly generation: number
}

/** Refusals of credentials. As with whatever else is lasting, the second one is enough. */
const CREDENTIALS: readonly (number | undefined)[] = [401, 402, 403]
const CONFIRMED = 2

/** How one target has fared. It knows no clock: every time comes in, in milliseconds since the epoch. */
export class TargetHealth {
  #failures = 0
  #successes = 0
  /** How often it was opened since it was last closed. */
  #openings = 0
  #openedAt: number | undefined
  #nextTrialAt = 0
  #isTried = false
  /** The generation in which a lasting failure opened it. */
  #lastsSince: number | undefined
  #cooldownUntil = 0
  #lastFailureAt: number | undefined
  #reason: string | undefined

  /** Nothing needs to be remembered of it. */
  isForgettable(now: number): boolean {
    return this.#openedAt === undefined && this.#failures === 0 && this.#cooldownUntil <= now
  }

  permission(now: number, generation: number): Permission {
    if (now < this.#cooldownUntil) return refuse(`it asked to be left alone for ${seconds(this.#cooldownUntil - now)}`)
    if (this.#openedAt === undefined) return 'use'
    const why = `it failed (${this.#reason})`
    if (this.#isTried) return refuse(`${why}, and another request is trying it`, true)
    // A config that has changed may have mended it.
    const isChanged = this.#lastsSince !== undefined && this.#lastsSince < generation
    if (isChanged || now >= this.#nextTrialAt) return 'trial'
    return refuse(`${why}, and is tried again in ${seconds(this.#nextTrialAt - now)}`)
  }

  /** Gives what lets another request try it; that of an exchange which ends in any way is called. */
  beginTrial(): () => void {
    this.#isTried = true
    return () => (this.#isTried = false)
  }

  /** Takes in how an attempt ended. */
  see(attempt: AttemptEnd, settings: HealthSettings): void {
    const { outcome, startedAt } = attempt
    const isNews = this.#openedAt === undefined || startedAt >= this.#openedAt
    switch (outcome) {
      case 'neutral':
        return
      case 'ok':
        if (this.#openedAt === undefined) this.#failures = 0
        else if (isNews) this.#passed(settings)
        return
      case 'cooldown':
        this.#cool(attempt, settings)
        return
      case 'failure':
        if (isNews) this.#failed(attempt, settings)
    }
  }

  #passed({ halfOpenSuccesses }: HealthSettings): void {
    if (++this.#successes < halfOpenSuccesses) return
    this.#openedAt = undefined
    this.#failures = this.#successes = this.#openings = 0
  }

  #cool({ retryAfterMs, now }: AttemptEnd, { cooldownSeconds, maxOpenSeconds }: HealthSettings): void {
    const asked = retryAfterMs ?? cooldownSeconds * 1000
    this.#cooldownUntil = Math.max(this.#cooldownUntil, now + Math.min(Math.max(asked, 1000), maxOpenSeconds * 1000))
  }

  #failed(attempt: AttemptEnd, settings: HealthSettings): void {
    const { kind = 'status', status, isLasting = false, now, generation } = attempt
    this.#failures++
    this.#lastFailureAt = now
    this.#reason = status === undefined ? kind : `${kind} ${status}`
    const lasts = isLasting || CREDENTIALS.includes(status)
    const enough = lasts ? Math.min(CONFIRMED, settings.failureThreshold) : settings.failureThreshold
    const isTrial = this.#openedAt !== undefined && (this.#isTried || now >= this.#nextTrialAt)
    if (!isTrial && (this.#openedAt !== undefined || this.#failures < enough)) return
    this.#open(now, settings)
    this.#lastsSince = lasts ? generation : undefined
  }

  #open(now: number, { openSeconds, maxOpenSeconds }: HealthSettings): void {
    this.#openedAt = now
    this.#successes = 0
    this.#nextTrialAt = now + Math.min(openSeconds * 2 ** this.#openings++, maxOpenSeconds) * 1000
  }

  report(now: number): HealthReport {
    const isOpen = this.#openedAt !== undefined
    return {
      status: !isOpen ? 'closed' : now < this.#nextTrialAt ? 'open' : 'half-open',
      failureCount: this.#failures,
      successCount: this.#successes,
      lastFailureTime: this.#lastFailureAt,
      reason: this.#reason,
      cooldownUntil: this.#cooldownUntil > now ? this.#cooldownUntil : undefined,
      nextTrialAt: isOpen ? this.#nextTrialAt : undefined,
    }
  }
}

function refuse(refused: string, isTried = false): Permission {
  return { refused, isTried }
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`
}
