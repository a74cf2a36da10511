import type { Contributions, Dialect, Endpoint } from '@ccr/sdk'
import { within } from '@ccr/sdk/kernel'
import type { Entry } from './blueprint.ts'
import type { Health } from './health.ts'
import type { Log } from './log.ts'
import type { StateView } from './state.ts'
import type { Tap } from './tap.ts'

/** A contribution to a point. */
export interface Contribution<Point extends keyof Contributions = keyof Contributions> {
  readonly point: Point
  readonly value: Contributions[Point]
}

type Stop = () => void | Promise<void>

let lastSerial = 0

/** An activated entry; shared by every generation whose blueprint gives it the same key. */
export class Instance {
  /** Unlike the key it is never used again. */
  readonly serial = ++lastSerial
  readonly key: string
  /** As it was activated; where its taps stand is the business of each generation. */
  readonly entry: Entry
  readonly profile: string
  readonly health: Health
  readonly state: StateView
  readonly taps: Tap[] = []
  readonly endpoints: Endpoint[] = []
  readonly dialects: Dialect[] = []
  readonly contributions: Contribution[] = []
  readonly services = new Map<string, unknown>()
  readonly inverses: Stop[] = []
  readonly starts: (() => Stop)[] = []
  /** What it registers is known: nothing can be added any more. */
  activated = false
  /** Duration of its activation, in milliseconds. */
  activateMs = 0
  /** What the same entry was before the change that brought this instance, and when that was. */
  replaced: { readonly entry: Entry; readonly at: number } | undefined
  /** Aborted when nothing of it runs any more: until then its inverses may send and write what it still holds. */
  readonly end = new AbortController()
  readonly #disposal = new AbortController()
  #stops: Stop[] | undefined
  /** Whoever makes it holds it. */
  #references = 1

  constructor(key: string, entry: Entry, profile: string, health: Health, state: StateView) {
    this.key = key
    this.entry = entry
    this.profile = profile
    this.health = health
    this.state = state
  }

  /** Names the entry among those of all profiles. */
  get owner(): string {
    return ownerOf(this.profile, this.entry)
  }

  /** Aborted when the instance is disposed. */
  get signal(): AbortSignal {
    return this.#disposal.signal
  }

  get disposed(): boolean {
    return this.#disposal.signal.aborted
  }

  /** New exchanges come to it from now on. */
  start(log: Log): void {
    // One that is quarantined stays stopped, whichever generations it goes through.
    if (this.#stops || this.health.quarantine) return
    this.state.keep(true)
    this.#stops = []
    for (const start of this.starts) {
      try {
        this.#stops.push(start())
      } catch (err) {
        log.error({ plugin: this.entry.plugin.name, entry: this.entry.id, err }, 'a plugin could not start its work')
      }
    }
  }

  /** New exchanges go elsewhere from now on. */
  async stop(log: Log): Promise<void> {
    const stops = this.#stops ?? []
    this.#stops = undefined
    this.state.keep(false)
    await this.#undo(stops, log)
  }

  /** A generation uses this instance, unless its disposal has begun; {@link release} is the inverse. */
  retain(): boolean {
    return this.#references > 0 && ++this.#references > 0
  }

  /** Disposes the instance when no generation is left: its inverses run in reverse order, each at most 5 s. */
  async release(log: Log): Promise<void> {
    if (--this.#references > 0 || this.disposed) return
    await this.stop(log)
    this.#disposal.abort()
    await this.#undo(this.inverses, log)
    this.end.abort()
  }

  async #undo(inverses: Stop[], log: Log): Promise<void> {
    for (const inverse of inverses.reverse()) {
      try {
        await within(5_000, inverse)
      } catch (err) {
        log.warn({ plugin: this.entry.plugin.name, entry: this.entry.id, err }, 'a plugin failed while it was stopped')
      }
    }
  }
}

/** Names an entry among those of all profiles. */
export function ownerOf(profile: string, { id }: Pick<Entry, 'id'>): string {
  return `${encodeURIComponent(profile)}/${encodeURIComponent(id)}`
}
