import type { Cancellation, Settings } from '@ccr/sdk/kernel'
import { HEAP_SHARE } from '../process/heap.ts'

/** How many exchanges may run, and how long others wait for their turn. */
export interface AdmissionLimits {
  readonly inFlight: number
  readonly inFlightBytes: number
  readonly queued: number
  readonly queueMs: number
}

/** What the settings allow, as far as this process has memory for it. */
export function admissionLimits({ limits, timeouts }: Settings): AdmissionLimits {
  const { inFlight, inFlightBytes, queued } = limits
  return { inFlight, inFlightBytes: Math.min(inFlightBytes, HEAP_SHARE), queued, queueMs: timeouts.queue }
}

interface Waiting {
  readonly bytes: number
  readonly settle: (admitted: boolean) => void
}

/** Bounds the exchanges that run or wait, by number and by the bytes of their requests. First come, first served. */
export class Admission {
  #limits: AdmissionLimits
  #running = 0
  #bytes = 0
  readonly #queue = new Set<Waiting>()

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  get running(): number {
    return this.#running
  }

  get queued(): number {
    return this.#queue.size
  }

  configure(limits: AdmissionLimits): void {
    this.#limits = limits
    this.#next()
  }

  /** Takes a place at once, if there is one; {@link leave} gives it back. */
  enter(bytes: number): boolean {
    if (this.#queue.size > 0 || !this.#fits(bytes)) return false
    this.#take(bytes)
    return true
  }

  /** Waits for a place; `false` when the queue is full, the wait too long or who waits left. */
  wait(bytes: number, left: Cancellation): Promise<boolean> {
    const { queued, inFlightBytes } = this.#limits
    const full = this.#queue.size >= queued || (this.#queue.size > 0 && this.#queuedBytes() + bytes > inFlightBytes)
    if (full || left.aborted) return Promise.resolve(false)
    return new Promise((resolve) => {
      const stop = (): void => waiting.settle(false)
      const timer = setTimeout(stop, this.#limits.queueMs)
      const waiting: Waiting = {
        bytes,
        settle: (admitted) => {
          clearTimeout(timer)
          left.removeEventListener('abort', stop)
          this.#queue.delete(waiting)
          resolve(admitted)
          // Whoever leaves the front may have been too large for the place that a later one fits into.
          if (!admitted) this.#next()
        },
      }
      left.addEventListener('abort', stop)
      this.#queue.add(waiting)
    })
  }

  leave(bytes: number): void {
    this.#running--
    this.#bytes -= bytes
    this.#next()
  }

  #queuedBytes(): number {
    let bytes = 0
    for (const waiting of this.#queue) bytes += waiting.bytes
    return bytes
  }

  #next(): void {
    for (const waiting of this.#queue) {
      if (!this.#fits(waiting.bytes)) return
      this.#take(waiting.bytes)
      waiting.settle(true)
    }
  }

  // A request larger than the whole budget runs alone rather than never.
  #fits(bytes: number): boolean {
    return (
      this.#running < this.#limits.inFlight &&
      (this.#running === 0 || this.#bytes + bytes <= this.#limits.inFlightBytes)
    )
  }

  #take(bytes: number): void {
    this.#running++
    this.#bytes += bytes
  }
}
