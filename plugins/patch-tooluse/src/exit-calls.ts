import { CcrError, saysWhole } from '@ccr/sdk'
import type { CanonicalEvent, Emit, StreamTransform } from '@ccr/sdk'
import { EXIT } from './offer-exit.ts'
import { ResponseReader } from './response-reader.ts'

/** A call of the exit tool, which becomes a block of text. */
interface Exit {
  readonly index: number
  readonly reader: ResponseReader
  /** The block has begun. */
  shown: boolean
}

/**
 * Makes text of what the model passes to the exit tool, as it arrives. A turn that calls nothing else ends as one that
 * answers. Blocks are not numbered: a call without a response leaves none.
 */
export class ExitCalls implements StreamTransform {
  #exit: Exit | undefined
  #left = false
  /** Tools of the client were called. */
  #called = false
  #broken = false

  chunk(event: CanonicalEvent, emit: Emit<CanonicalEvent>): void {
    const exit = this.#exit
    switch (event.type) {
      case 'content_block_start': {
        const { type, name } = (event.content_block ?? {}) as { readonly type?: unknown; readonly name?: unknown }
        this.#exit = undefined
        if (type === 'tool_use' && name === EXIT) {
          this.#left = true
          this.#exit = { index: event.index, reader: new ResponseReader(), shown: false }
          return
        }
        if (type === 'tool_use') this.#called = true
        return emit(event)
      }
      case 'content_block_delta':
        if (event.index !== exit?.index) return emit(event)
        if (event.delta?.type === 'input_json_delta') say(exit, exit.reader.push(event.delta.partial_json), emit)
        return
      case 'content_block_stop':
        if (event.index !== exit?.index) return emit(event)
        say(exit, exit.reader.end(), emit)
        if (exit.reader.broken) this.#broken = true
        if (exit.shown) emit(event)
        this.#exit = undefined
        return
      case 'message_delta':
        return emit(this.#ended(event))
      default:
        return emit(event)
    }
  }

  /**
   * @throws CcrError `CCR_STREAM_INVALID` where the answer is whole and its response is not: it would look whole, too
   */
  #ended(event: Extract<CanonicalEvent, { type: 'message_delta' }>): CanonicalEvent {
    const reason = event.delta?.stop_reason
    if (this.#broken && saysWhole(reason)) {
      const fact = `the arguments of tool call '${EXIT}' are not a JSON object; the answer was given up`
      throw new CcrError('CCR_STREAM_INVALID', fact)
    }
    if (!this.#left || this.#called || reason !== 'tool_use') return event
    return { ...event, delta: { ...event.delta, stop_reason: 'end_turn' } }
  }
}

function say(exit: Exit, text: string, emit: Emit<CanonicalEvent>): void {
  if (text === '') return
  const { index } = exit
  if (!exit.shown) emit({ type: 'content_block_start', index, content_block: { type: 'text', text: '' } })
  exit.shown = true
  emit({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } })
}
