import type { CanonicalEvent, JsonObject } from './canonical.ts'
import { CcrError } from './errors.ts'
import { writeJson } from './json-numbers.ts'
import { parseObject } from './message.ts'
import { MAX_HELD } from './message-writer.ts'
import { andThen } from './hooks.ts'
import type { Emit, StreamTransform } from './stream.ts'

/** A tool call whose arguments have all arrived. */
export interface BufferedCall {
  readonly id: string
  readonly name: string
  /** The arguments as the model wrote them; may be empty. */
  readonly text: string
  /** The arguments, or nothing where the text is no JSON object; `{}` where it is empty. */
  readonly input: JsonObject | undefined
}

/** Arguments that take the place of a call's own: an object, or a text that is sent as it is. */
export type ChangedArguments = JsonObject | string | undefined | void

/**
 * Holds back the arguments of each tool call until they are complete, gives them to a function and emits what it
 * returns in one piece; nothing returned leaves them as they are. Text and thinking go on streaming.
 *
 * @example
 * const bounded = bufferToolArguments(({ name, input }) => (name === 'Read' ? { ...input, limit: 100 } : undefined))
 * stream.pipe('canonical', bounded)
 * @throws CcrError `CCR_STREAM_LIMIT` when the arguments of one call exceed 8 Mi characters
 */
export function bufferToolArguments(
  change: (call: BufferedCall) => ChangedArguments | Promise<ChangedArguments>,
): StreamTransform {
  const calls = new Map<number, HeldCall>()
  return {
    chunk(event, emit) {
      if (event.type === 'content_block_start') return start(calls, event, emit)
      if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta') {
        const call = calls.get(event.index)
        return call ? call.push(event.delta.partial_json) : emit(event)
      }
      const call = event.type === 'content_block_stop' ? calls.get(event.index) : undefined
      if (!call || event.type !== 'content_block_stop') return emit(event)
      calls.delete(event.index)
      const end = (changed: ChangedArguments): void => {
        const text = call.textAfter(changed)
        const delta = { type: 'input_json_delta', partial_json: text } as const
        if (text !== '') emit({ type: 'content_block_delta', index: event.index, delta })
        emit(event)
      }
      return andThen(change(call.complete()), end)
    },
    // An answer that ended within a call keeps what there is of it.
    flush(emit) {
      for (const [index, { text }] of calls)
        if (text !== '')
          emit({ type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json: text } })
      calls.clear()
    },
    abort: () => calls.clear(),
  }
}

type Start = Extract<CanonicalEvent, { type: 'content_block_start' }>

function start(calls: Map<number, HeldCall>, event: Start, emit: Emit<CanonicalEvent>): void {
  const { type, id, name, input } = event.content_block as {
    type: string
    id?: unknown
    name?: unknown
    input?: unknown
  }
  if (type !== 'tool_use' || typeof id !== 'string' || typeof name !== 'string') return emit(event)
  const given = typeof input === 'object' && input !== null && Object.keys(input).length > 0
  calls.set(event.index, new HeldCall(id, name, given ? writeJson(input) : ''))
  // What stands in the start would be lost beside the deltas.
  emit(given ? { ...event, content_block: { ...event.content_block, input: {} } } : event)
}

class HeldCall {
  readonly id: string
  readonly name: string
  #text: string

  constructor(id: string, name: string, text: string) {
    this.id = id
    this.name = name
    this.#text = text
  }

  get text(): string {
    return this.#text
  }

  push(fragment: string): void {
    if (this.#text.length + fragment.length > MAX_HELD) {
      const fact = `the arguments of the tool call '${this.name}' are larger than ${MAX_HELD} characters`
      throw new CcrError('CCR_STREAM_LIMIT', `${fact}; ask for less in one call`)
    }
    this.#text += fragment
  }

  complete(): BufferedCall {
    const { id, name, text } = this
    return { id, name, text, input: text.trim() === '' ? {} : parseObject(text) }
  }

  textAfter(changed: ChangedArguments): string {
    if (changed === undefined) return this.#text
    return typeof changed === 'string' ? changed : writeJson(changed)
  }
}
