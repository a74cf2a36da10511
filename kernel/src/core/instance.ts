import { settle, type Contributions, type Dialect, type Endpoint } from '@ccr/sdk'
import type { Entry } from './blueprint.ts'
import type { Log } from './log.ts'
import type { Tap } from './tap.ts'

/** A contribution and who made it. */
export interface Contribution<Point extends keyof Contributions = keyof Contributions> {
  readonly point: Point
  readonly value: Contributions[Point]
}

/** An activated entry; shared by every generation whose blueprint gives it the same key. */
export class Instance {
  readonly key: string
  readonly entry: Entry
  readonly taps: Tap[] = []
  readonly endpoints: Endpoint[] = []
  readonly dialects: Dialect[] = []
  readonly contributions: Contribution[] = []
  readonly inverses: (() => void | Promise<void>)[] = []
  readonly #disposal = new AbortController()
  #references = 0

  constructor(key: string, entry: Entry) {
    this.key = key
    this.entry = entry
  }

  /** Aborted when the instance is disposed. */
  get signal(): AbortSignal {
    return this.#disposal.signal
  }

  get disposed(): boolean {
    return this.#disposal.signal.aborted
  }

  /** A generation uses this instance; {@link release} is the inverse. */
  retain(): void {
    this.#references++
  }

  /** Disposes the instance when no generation is left: its inverses run in reverse order, each at most 5 s. */
  async release(log: Log): Promise<void> {
    if (--this.#references > 0 || this.disposed) return
    this.#disposal.abort()
    for (const inverse of this.inverses.reverse()) {
      try {
        await within(5_000, inverse)
      } catch (cause) {
        log.warn(
          { plugin: this.entry.plugin.name, entry: this.entry.id, err: cause },
          'a plugin failed while it was disposed',
        )
      }
    }
  }
}

/** Runs something that must be over within a time, in milliseconds. */
export function within(limitMs: number, run: () => void | Promise<void>): Promise<void> {
  return settle(Promise.resolve().then(run), limitMs, undefined, () => new Error(`it took longer than ${limitMs} ms`))
}
