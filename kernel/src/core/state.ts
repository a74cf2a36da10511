import type { Log } from './log.ts'

interface Kept {
  readonly version: number
  readonly value: unknown
}

/** Values that outlive the instances that use them. */
export class StateStore {
  readonly #kept = new Map<string, Kept>()

  /** A view for one instance; what it makes counts once the instance is taken over by {@link StateView.keep}. */
  view(owner: string, log: Log): StateView {
    return new StateView(this.#kept, `${owner}/`, log)
  }

  /** Forgets the values of all others. */
  retain(owners: ReadonlySet<string>): void {
    for (const key of this.#kept.keys()) {
      if (!owners.has(key.slice(0, key.lastIndexOf('/')))) this.#kept.delete(key)
    }
  }
}

/** The values of one instance. A candidate that is given up leaves the kept ones as they were. */
export class StateView {
  readonly #kept: Map<string, Kept>
  readonly #prefix: string
  readonly #log: Log
  #made: Map<string, Kept> | undefined = new Map()

  constructor(kept: Map<string, Kept>, prefix: string, log: Log) {
    this.#kept = kept
    this.#prefix = prefix
    this.#log = log
  }

  get<T>(key: string, version: number, init: () => T): T {
    const id = this.#prefix + encodeURIComponent(key)
    const known = this.#made?.get(id) ?? this.#kept.get(id)
    // The same key and version stand for the same type; its author says so by the version.
    if (known?.version === version) return known.value as T
    const value = init()
    const slot = { version, value }
    if (this.#made) this.#made.set(id, slot)
    else this.#replace(id, slot)
    return value
  }

  /** The instance goes live, and with it what it made. */
  keep(): void {
    for (const [id, slot] of this.#made ?? []) this.#replace(id, slot)
    this.#made = undefined
  }

  #replace(id: string, slot: Kept): void {
    const before = this.#kept.get(id)
    this.#kept.set(id, slot)
    if (!before) return
    this.#log.warn({ state: id, from: before.version, to: slot.version }, 'a kept state of another version was dropped')
  }
}
