import { CcrError } from '@ccr/sdk'
import type { Timeouts } from './settings.ts'

type Watched = 'firstEvent' | 'idle' | 'progress' | 'total'

const NAMES: Record<Watched, string> = {
  firstEvent: 'it sent no content',
  idle: 'it fell silent',
  progress: 'it sent nothing but keep-alives',
  total: 'its answer was not complete',
}

/**
 * The timers of one attempt on a single timer: each event only notes the time, and the timer, when it fires, looks what
 * is due. It stands still while the client takes nothing, because then nobody reads the upstream.
 */
export class Watchdog {
  readonly #limits: Record<Watched, number>
  readonly #since: Record<Watched, number>
  readonly #expire: (reason: CcrError) => void
  readonly #subject: string
  #timer: NodeJS.Timeout | undefined
  #pausedAt: number | undefined

  constructor(subject: string, timeouts: Timeouts, stream: boolean, expire: (reason: CcrError) => void) {
    const now = performance.now()
    // A whole answer comes with its head when it is complete, so only its total time can be bounded.
    this.#limits = stream
      ? { firstEvent: timeouts.firstEvent, idle: Infinity, progress: Infinity, total: timeouts.totalStream }
      : { firstEvent: Infinity, idle: Infinity, progress: Infinity, total: timeouts.total }
    this.#since = { firstEvent: now, idle: now, progress: now, total: now }
    this.#subject = subject
    this.#expire = expire
    this.#arm(now)
  }

  /** The answer's head has arrived: from now on silence counts. */
  head({ idle }: Timeouts): void {
    this.#limits.idle = idle
    this.read()
    this.#rearm()
  }

  /** Bytes have arrived. */
  read(): void {
    this.#since.idle = performance.now()
  }

  /** The first substantive event has arrived: from now on keep-alives alone are not enough. */
  committed({ progress }: Timeouts): void {
    this.#limits.firstEvent = Infinity
    this.#limits.progress = progress
    this.progress()
    this.#rearm()
  }

  /** An event other than a keep-alive has arrived. */
  progress(): void {
    this.#since.progress = performance.now()
  }

  pause(): void {
    this.#pausedAt = performance.now()
    clearTimeout(this.#timer)
  }

  resume(): void {
    if (this.#pausedAt === undefined) return
    const paused = performance.now() - this.#pausedAt
    this.#pausedAt = undefined
    this.#since.idle += paused
    this.#since.progress += paused
    this.#rearm()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #rearm(): void {
    clearTimeout(this.#timer)
    this.#arm(performance.now())
  }

  #arm(now: number): void {
    let wait = Infinity
    for (const name of Object.keys(this.#limits) as Watched[]) {
      const left = this.#since[name] + this.#limits[name] - now
      if (left <= 0) return this.#expired(name)
      if (left < wait) wait = left
    }
    this.#timer = setTimeout(() => this.#arm(performance.now()), Math.min(Math.ceil(wait), 0x7fffffff))
  }

  #expired(name: Watched): void {
    const seconds = this.#limits[name] / 1000
    this.#expire(
      new CcrError('CCR_UPSTREAM_TIMEOUT', `${this.#subject} was given up: ${NAMES[name]} within ${seconds} s`),
    )
  }
}
