import { CcrError, MAX_HELD, parseObject, saysWhole, writeJson } from '@ccr/sdk'
import type { CanonicalEvent, Emit, StreamTransform } from '@ccr/sdk'
import { repairArguments } from './repair.ts'

/** A call whose arguments are still coming. */
interface Open {
  readonly index: number
  readonly name: string
  readonly pieces: string[]
  length: number
}

/** Arguments that are no JSON object, in the place of the events that give them out. */
interface Broken {
  readonly index: number
  readonly name: string
  readonly text: string
}

type Waiting = { readonly event: CanonicalEvent } | { readonly broken: Broken }

/**
 * Gives out the arguments of each call in one piece, and repairs those that are no JSON object. From such a call on
 * everything waits until the answer says why it stopped: one that was cut keeps what the model wrote of a call.
 *
 * @param onRepaired hears the name of the tool
 */
export function repairCalls(onRepaired: (name: string) => void): StreamTransform {
  const stage = new RepairStage(onRepaired)
  return { chunk: (event, emit) => stage.chunk(event, emit), flush: (emit) => stage.flush(emit) }
}

class RepairStage {
  readonly #onRepaired: (name: string) => void
  #call: Open | undefined
  #waiting: Waiting[] = []
  #emit: Emit<CanonicalEvent> = () => {}

  constructor(onRepaired: (name: string) => void) {
    this.#onRepaired = onRepaired
  }

  chunk(event: CanonicalEvent, emit: Emit<CanonicalEvent>): void {
    this.#emit = emit
    const call = this.#call
    switch (event.type) {
      case 'ping':
        return emit(event)
      case 'content_block_start':
        this.#call = callOf(event)
        break
      case 'content_block_delta':
        if (event.index === call?.index && event.delta?.type === 'input_json_delta')
          return add(call, event.delta.partial_json)
        break
      case 'content_block_stop':
        if (event.index === call?.index) this.#end(call)
        break
      case 'message_delta':
        if (typeof event.delta?.stop_reason === 'string') this.#release(saysWhole(event.delta.stop_reason))
        break
      case 'message_stop':
      case 'error':
        this.#release(false)
        break
      default:
    }
    this.#give({ event })
  }

  /** An answer that ended within a call keeps what there is of it. */
  flush(emit: Emit<CanonicalEvent>): void {
    this.#emit = emit
    const call = this.#call
    this.#call = undefined
    this.#release(false)
    if (call) this.#arguments(call.index, call.pieces.join(''))
  }

  #end({ index, name, pieces }: Open): void {
    this.#call = undefined
    const text = pieces.join('')
    if (text.trim() === '' || parseObject(text)) this.#arguments(index, text)
    else this.#waiting.push({ broken: { index, name, text } })
  }

  #give(what: { readonly event: CanonicalEvent }): void {
    if (this.#waiting.length > 0) this.#waiting.push(what)
    else this.#emit(what.event)
  }

  #arguments(index: number, text: string): void {
    if (text === '') return
    const delta = { type: 'input_json_delta', partial_json: text } as const
    this.#give({ event: { type: 'content_block_delta', index, delta } })
  }

  /** What waited goes out, repaired where the answer is whole and it can be. */
  #release(isWhole: boolean): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const what of waiting) {
      if ('event' in what) {
        this.#emit(what.event)
        continue
      }
      const { index, name, text } = what.broken
      const input = isWhole ? repairArguments(text) : undefined
      if (input) this.#onRepaired(name)
      this.#arguments(index, input ? writeJson(input) : text)
    }
  }
}

function callOf({ content_block, index }: Extract<CanonicalEvent, { type: 'content_block_start' }>): Open | undefined {
  const { type, name } = (content_block ?? {}) as { readonly type?: unknown; readonly name?: unknown }
  return type === 'tool_use' ? { index, name: String(name), pieces: [], length: 0 } : undefined
}

function add(call: Open, piece: unknown): void {
  if (typeof piece !== 'string') return
  call.length += piece.length
  if (call.length > MAX_HELD) {
    const fact = `the arguments of the tool call '${call.name}' are larger than ${MAX_HELD} characters`
    throw new CcrError('CCR_STREAM_LIMIT', `${fact}; ask for less in one call`)
  }
  call.pieces.push(piece)
}
