import { CcrError } from '@ccr/sdk'
import type { CanonicalEvent } from '@ccr/sdk'
import { GivenCalls } from './given-calls.ts'
import { MissingFields } from './missing-fields.ts'
import { Sequencer } from './sequencer.ts'
import { Unfolder } from './unfold.ts'

/** What stands in the place of an event. */
export interface Mended {
  /** Events that it was preceded by. */
  readonly before: readonly CanonicalEvent[]
  /** The event as clients bear it. */
  readonly own: CanonicalEvent
  /** What that says, one thing at a time. */
  readonly told: readonly CanonicalEvent[]
}

const NONE: readonly CanonicalEvent[] = []

/** Mends what official clients do not bear in the events of one stream. */
export class EventMender {
  readonly #sequencer = new Sequencer()
  readonly #calls: GivenCalls
  readonly #missing = new MissingFields()
  readonly #unfolder = new Unfolder()
  /** The answer has said why it ends. */
  #reasoned = false

  constructor(newId: (prefix: string) => string) {
    this.#calls = new GivenCalls(newId)
  }

  /** Deltas must be read whole. */
  get busy(): boolean {
    return this.#sequencer.busy || this.#calls.busy
  }

  /** Whether the block start of a type, whose data is JSON, has to be read whole. */
  concerns(type: string, data: string): boolean {
    return this.#calls.concerns(type, data)
  }

  /**
   * Nothing when the event stands for itself, `drop` when it has no place in the stream.
   *
   * @param isWhole false where only its skeleton was read: a block start is then one that lacks nothing
   * @throws CcrError `CCR_STREAM_INVALID` for a `message_start` without a message, or with content that is none;
   * `CCR_STREAM_ENDED` for an end without a stop reason, which no other one stands for
   */
  mend(event: CanonicalEvent, isWhole: boolean): Mended | 'drop' | undefined {
    const fit = this.#sequencer.fit(event)
    if (fit === 'drop') return 'drop'
    let before = fit === 'keep' ? NONE : this.#unfolded({ type: 'content_block_stop', index: fit })
    let own = event
    if (isWhole || event.type !== 'content_block_start') {
      const given = this.#calls.unfold(event)
      if (given) {
        before = [...before, ...given.slice(0, -1)]
        own = given.at(-1)!
      }
    }
    own = this.#missing.fill(own)
    const told = this.#unfolder.unfold(own)
    if (own.type === 'message_delta' || own.type === 'message_stop') this.#checkReason(told ?? [own])
    return own === event && before === NONE && !told ? undefined : { before, own, told: told ?? [own] }
  }

  #checkReason(events: readonly CanonicalEvent[]): void {
    for (const event of events) {
      if (event.type === 'message_delta') this.#reasoned ||= typeof event.delta?.stop_reason === 'string'
      else if (event.type === 'message_stop' && !this.#reasoned) throw unreasoned()
    }
  }

  #unfolded(event: CanonicalEvent): readonly CanonicalEvent[] {
    return this.#calls.unfold(event) ?? [event]
  }
}

/** An answer that does not say why it ended may be cut. */
export function unreasoned(): CcrError {
  return new CcrError('CCR_STREAM_ENDED', 'the answer of the upstream ended without a stop reason')
}
