import { describePassedOver } from '@ccr/sdk/kernel'
import type { PassedOver } from '@ccr/sdk'
import { withoutControls } from '../../config/presets/shown-text.ts'
import type { Log } from '../../core/log.ts'
import type { RoutingLog } from '../../exchange/ports.ts'

/** Something that requests asked for by name, and did not get. */
export interface Unmatched {
  readonly what: string
  readonly count: number
  /** When it was asked for last, as an ISO 8601 date. */
  readonly last: string
}

const KEPT = 20
const CHARACTERS = 300

/** Keeps what was last asked for in vain, and tells the log of each the first time. */
export class UnmatchedDirectives {
  readonly #seen = new Map<string, Unmatched>()
  readonly #log: Log
  readonly #redact: (text: string) => string

  constructor(log: Log, redact: (text: string) => string) {
    this.#log = log
    this.#redact = redact
  }

  /** The newest ones, the last first. */
  get list(): readonly Unmatched[] {
    return [...this.#seen.values()].reverse()
  }

  /** A routing log that is also read here. */
  tee(log: RoutingLog): RoutingLog {
    return {
      record: (exchange, note) => {
        log.record(exchange, note)
        if (note.event !== 'route') return
        for (const one of note.passedOver) if (one.unmatched) this.#see(one)
      },
    }
  }

  #see(one: PassedOver): void {
    const what = withoutControls(this.#redact(describePassedOver(one)).slice(0, CHARACTERS))
    const known = this.#seen.get(what)
    if (!known) this.#log.warn({ rule: one.rule, target: one.target }, `asked for in vain: ${what}`)
    this.#seen.delete(what)
    this.#seen.set(what, { what, count: (known?.count ?? 0) + 1, last: new Date().toISOString() })
    if (this.#seen.size > KEPT) this.#seen.delete(this.#seen.keys().next().value!)
  }
}
