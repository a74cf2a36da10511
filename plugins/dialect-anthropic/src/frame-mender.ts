import type { CanonicalEvent } from '@ccr/sdk'
import { eventLine, frame } from './encoder.ts'
import { EventMender } from './event-mender.ts'
import { readSkeleton } from './skeleton.ts'

/** Types that are always parsed whole: the exchange reads usage, stop reasons and errors from them. */
const ALWAYS_FULL = ['message_start', 'message_delta', 'error'] as const

/** What has to be done to the bytes of a frame. */
export interface Mend {
  /** Frames that stand before it, an event each. */
  readonly before: readonly Uint8Array[]
  /** Bytes that stand in the place of the frame's own, or directly before them. */
  readonly own: Uint8Array
  readonly instead: boolean
}

const NONE: readonly CanonicalEvent[] = []
const NOTHING = new Uint8Array(0)

/** The frame is left out. */
export const LEFT_OUT: Mend = { before: [], own: NOTHING, instead: true }

/** Mends the frames of a stream as its events are mended. Most lack nothing, and are not parsed. */
export class FrameMender {
  readonly #whole: ReadonlySet<string>
  readonly #wholeDeltas: ReadonlySet<string>
  readonly #wholeStarts: ReadonlySet<string>
  readonly #mender: EventMender

  /** @param full types of events that are told whole */
  constructor(full: ReadonlySet<string>, newId: (prefix: string) => string) {
    this.#whole = new Set([...full, ...ALWAYS_FULL])
    this.#wholeDeltas = new Set([...this.#whole, 'content_block_delta'])
    this.#wholeStarts = new Set([...this.#whole, 'content_block_start'])
    this.#mender = new EventMender(newId)
  }

  /**
   * What has to be done to a frame, and its events; nothing when its bytes may stay.
   *
   * @param name its `event` line, which clients need; all three are UTF-8 read as Latin-1
   * @param others its lines that are neither that nor data, each with a line feed
   * @throws CcrError `CCR_STREAM_INVALID` when its data is no event
   */
  take(name: string | undefined, data: string, others: string, events: CanonicalEvent[]): Mend | undefined {
    let event = readSkeleton(name, data, this.#mender.busy ? this.#wholeDeltas : this.#whole)
    const isGiven = event.type === 'content_block_start' && this.#mender.concerns(event.content_block?.type, data)
    if (isGiven) event = readSkeleton(name, data, this.#wholeStarts)
    const mended = this.#mender.mend(event, isGiven)
    if (mended === 'drop') return LEFT_OUT
    if (mended) events.push(...mended.before, ...mended.told)
    else events.push(event)
    const { before, own } = mended ?? { before: NONE, own: event }
    if (own !== event || !isTyped(data, event.type)) return mendOf(before, anew(others, own), true)
    if (name === undefined) return mendOf(before, Buffer.from(eventLine(event.type)), false)
    return before.length === 0 ? undefined : mendOf(before, NOTHING, false)
  }
}

/** Data whose type only its `event` line tells is no event to a client. Nearly all data begins with it. */
function isTyped(data: string, type: string): boolean {
  return data.startsWith('{"type":"') || data.includes(`"${type}"`)
}

function mendOf(added: readonly CanonicalEvent[], own: Uint8Array, instead: boolean): Mend {
  return { before: added.map((event) => Buffer.from(frame(event.type, event))), own, instead }
}

function anew(others: string, event: CanonicalEvent): Uint8Array {
  return Buffer.concat([Buffer.from(others, 'latin1'), Buffer.from(frame(event.type, event))])
}
