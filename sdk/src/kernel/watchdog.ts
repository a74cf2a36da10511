import { CcrError } from '../errors.ts'
import type { Cancellation } from './cancellation.ts'
import type { Timeouts } from './settings.ts'

/** What each timer misses when it expires. */
const MISSED = {
  firstEvent: 'it sent no content',
  idle: 'it fell silent',
  progress: 'it sent nothing but keep-alives',
  total: 'its answer was not complete',
} as const

type Watched = keyof typeof MISSED

/**
 * The timers of one attempt on a single timer: each event only notes the time, and the timer, when it fires, looks what
 * is due. It stands still while the client takes nothing or a plugin is waited for, because then nobody reads the
 * upstream.
 */
export class Watchdog {
  readonly #subject: string
  readonly #timeouts: Timeouts
  readonly #stream: boolean
  readonly #given: Pick<Cancellation, 'abort'>
  readonly #began = performance.now()
  #sentAt = this.#began
  #readAt = Infinity
  #progressAt = Infinity
  #committed = false
  #pausedAt: number | undefined
  #pauses = 0
  #timer: NodeJS.Timeout | undefined

  /** @param given is aborted when a timer expires */
  constructor(subject: string, timeouts: Timeouts, stream: boolean, given: Pick<Cancellation, 'abort'>) {
    this.#subject = subject
    this.#timeouts = timeouts
    this.#stream = stream
    this.#given = given
    this.#tick()
  }

  /** The head of the answer, or bytes of it, have arrived: silence counts from now. */
  read(): void {
    this.#readAt = performance.now()
  }

  /** The first content has arrived: from now on keep-alives alone are not enough. */
  committed(): void {
    this.#committed = true
    this.progress()
  }

  /** An event other than a keep-alive has arrived. */
  progress(): void {
    this.#progressAt = performance.now()
  }

  /** One pause may lie inside another. */
  pause(): void {
    if (this.#pauses++ === 0) this.#pausedAt = performance.now()
  }

  resume(): void {
    if (this.#pausedAt === undefined || --this.#pauses > 0) return
    const paused = performance.now() - this.#pausedAt
    this.#pausedAt = undefined
    this.#sentAt += paused
    this.#readAt += paused
    this.#progressAt += paused
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  readonly #tick = (): void => {
    const { firstEvent, idle, progress, total, totalStream } = this.#timeouts
    const now = this.#pausedAt ?? performance.now()
    // A whole answer comes with its head when it is complete, so only its total time is bounded until then.
    const first = this.#committed || !this.#stream ? Infinity : this.#left('firstEvent', this.#sentAt, firstEvent, now)
    const left = Math.min(
      first,
      this.#left('idle', this.#readAt, idle, now),
      this.#left('progress', this.#progressAt, progress, now),
      this.#left('total', this.#began, this.#stream ? totalStream : total, now),
      // A timer that begins to count later must not be overslept.
      idle,
      progress,
    )
    if (left > 0) this.#timer = setTimeout(this.#tick, Math.ceil(left))
  }

  /** Milliseconds until a timer is due; 0 when it was and the attempt has been given up. */
  #left(name: Watched, since: number, limit: number, now: number): number {
    const left = since + limit - now
    if (left > 0) return left
    const fact = `${this.#subject} was given up: ${MISSED[name]} within ${limit / 1000} s`
    this.#given.abort(new CcrError('CCR_UPSTREAM_TIMEOUT', fact))
    return 0
  }
}
