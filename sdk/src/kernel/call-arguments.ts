import type { CanonicalEvent } from '../canonical.ts'
import { CcrError } from '../errors.ts'
import { isObject } from '../is-object.ts'
import { MAX_HELD } from '../message-writer.ts'
import { parseObject } from '../message.ts'
import { saysWhole } from '../stop-reason.ts'

const NONE: readonly CanonicalEvent[] = []

/**
 * Watches, behind all stages, that no tool call whose arguments were cut is given out as a whole one. The end of such a
 * call waits, with what follows it, until the answer says why it stopped: some clients run a call as soon as it ends.
 */
export class CallArguments {
  /** Why nothing more is given out. */
  fault: CcrError | undefined
  /** Whose arguments come: blocks follow each other here. */
  #name: string | undefined
  #pieces: string[] = []
  #length = 0
  /** The first call whose arguments are no JSON object, and what waits since it ended. */
  #broken: string | undefined
  #waiting: CanonicalEvent[] = []

  /** The events that may go on now; {@link fault} is set when one of them may not. */
  see(events: readonly CanonicalEvent[]): readonly CanonicalEvent[] {
    if (this.fault) return NONE
    // Most answers call nothing: their events are looked at, and handed on as they came.
    if (this.#name === undefined && this.#broken === undefined && !events.some(beginsCall)) return events
    const passed: CanonicalEvent[] = []
    for (const event of events) {
      this.#watch(event)
      if (this.fault) break
      if (event.type === 'ping') passed.push(event)
      else if (this.#broken !== undefined && event.type !== 'error') this.#waiting.push(event)
      else passed.push(...this.#waiting.splice(0), event)
    }
    return passed
  }

  #watch(event: CanonicalEvent): void {
    if (event.type === 'content_block_start') this.#start(event.content_block)
    else if (event.type === 'content_block_delta') {
      const { delta } = event
      if (this.#name !== undefined && delta?.type === 'input_json_delta') this.#add(delta.partial_json)
    } else if (event.type === 'content_block_stop') this.#end()
    else if (event.type === 'message_delta') this.#judge(event.delta?.stop_reason)
    else if (event.type === 'message_stop') this.#broken = undefined
    else if (event.type === 'error') this.#waiting = []
  }

  #start(block: unknown): void {
    const { type, name } = isObject(block) ? block : {}
    this.#name = type === 'tool_use' ? String(name) : undefined
    this.#pieces = []
    this.#length = 0
  }

  #add(piece: unknown): void {
    if (typeof piece !== 'string') return
    this.#length += piece.length
    if (this.#length > MAX_HELD)
      this.fault = new CcrError(
        'CCR_STREAM_LIMIT',
        `the arguments of a call exceed ${MAX_HELD} characters; it was given up`,
      )
    if (piece !== '') this.#pieces.push(piece)
  }

  #end(): void {
    const text = this.#pieces.join('')
    if (this.#name !== undefined && text.trim() !== '' && parseObject(text) === undefined) this.#broken ??= this.#name
    this.#name = undefined
    this.#pieces = []
  }

  /** An answer that was cut may end in half a call, and what is no whole answer says so itself. */
  #judge(reason: unknown): void {
    if (this.#broken === undefined || typeof reason !== 'string') return
    if (saysWhole(reason)) {
      const fact = `the arguments of tool call '${this.#broken}' are not a JSON object; the answer was given up`
      this.fault = new CcrError('CCR_STREAM_INVALID', fact)
    }
    this.#broken = undefined
  }
}

function beginsCall(event: CanonicalEvent): boolean {
  return event.type === 'content_block_start' && event.content_block?.type === 'tool_use'
}
