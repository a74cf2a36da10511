import type { Log } from './log.ts'

interface Kept {
  readonly version: number
  readonly value: unknown
}

/** Values that outlive the instances that use them. */
export class StateStore {
  readonly #kept = new Map<string, Kept>()

  /** A view for one instance; what it uses is kept once the instance is live, see {@link StateView.keep}. */
  view(owner: string, log: Log): StateView {
    return new StateView(this.#kept, owner, log)
  }

  /** Forgets the values of all others. */
  retain(owners: ReadonlySet<string>): void {
    for (const key of this.#kept.keys()) {
      if (!owners.has(key.slice(0, key.lastIndexOf('/')))) this.#kept.delete(key)
    }
  }
}

/** The values of one instance. One that is not live, or not any more, leaves the kept ones as they are. */
export class StateView {
  readonly owner: string
  readonly #kept: Map<string, Kept>
  readonly #log: Log
  readonly #given = new Map<string, Kept>()
  #live = false

  constructor(kept: Map<string, Kept>, owner: string, log: Log) {
    this.owner = owner
    this.#kept = kept
    this.#log = log
  }

  get<T>(key: string, version: number, init: () => T): T {
    const id = `${this.owner}/${encodeURIComponent(key)}`
    const known = this.#given.get(id) ?? this.#kept.get(id)
    const slot = known?.version === version ? known : { version, value: init() }
    this.#given.set(id, slot)
    if (this.#live) this.#replace(id, slot)
    // The same key and version stand for the same type; its author says so by the version.
    return slot.value as T
  }

  /** The instance goes live, and with it what it uses; or it ceases to be, and others decide what is kept. */
  keep(live: boolean): void {
    this.#live = live
    if (live) for (const [id, slot] of this.#given) this.#replace(id, slot)
  }

  #replace(id: string, slot: Kept): void {
    const before = this.#kept.get(id)
    this.#kept.set(id, slot)
    if (!before || before === slot) return
    this.#log.warn({ state: id, from: before.version, to: slot.version }, 'a kept state of another version was dropped')
  }
}
