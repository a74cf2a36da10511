import { CcrError, MAX_HELD, parseObject } from '@ccr/sdk'
import type { CanonicalEvent } from '@ccr/sdk'

/** Stop reasons that say an answer is whole; one that was cut or refused may have half a call. */
const WHOLE: ReadonlySet<unknown> = new Set(['end_turn', 'tool_use', 'stop_sequence'])

/** Watches that no tool call whose arguments were cut is given out as a whole one. */
export class CallArguments {
  #name: string | undefined
  #pieces: string[] = []
  #held = 0
  /** The first call whose arguments are no JSON object. */
  #broken: string | undefined

  /**
   * Blocks come one after the other here.
   *
   * @throws CcrError `CCR_STREAM_INVALID` where an answer that says it is whole holds half a call, `CCR_STREAM_LIMIT`
   */
  see(event: CanonicalEvent): void {
    if (event.type === 'content_block_start') {
      const { type, name } = event.content_block as { readonly type: string; readonly name?: unknown }
      this.#name = type === 'tool_use' ? String(name) : undefined
      this.#pieces = []
      this.#held = 0
    } else if (event.type === 'content_block_delta') {
      if (this.#name !== undefined && event.delta.type === 'input_json_delta') this.#add(event.delta.partial_json)
    } else if (event.type === 'content_block_stop') this.#end()
    else if (event.type === 'message_delta' && this.#broken !== undefined && WHOLE.has(event.delta.stop_reason)) {
      const fact = `the arguments of tool call '${this.#broken}' are not a JSON object; the answer was given up`
      throw new CcrError('CCR_STREAM_INVALID', fact)
    }
  }

  #add(piece: unknown): void {
    if (typeof piece !== 'string') return
    this.#held += piece.length
    if (this.#held > MAX_HELD)
      throw new CcrError('CCR_STREAM_LIMIT', `the arguments of a call exceed ${MAX_HELD} characters; it was given up`)
    if (piece !== '') this.#pieces.push(piece)
  }

  #end(): void {
    const text = this.#pieces.join('')
    if (this.#name !== undefined && text.trim() !== '' && parseObject(text) === undefined) this.#broken ??= this.#name
    this.#name = undefined
    this.#pieces = []
  }
}
