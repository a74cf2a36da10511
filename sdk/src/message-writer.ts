import type { CanonicalEvent, CanonicalUsage, ContentBlock, StopReason } from './canonical.ts'
import { CcrError } from './errors.ts'
import { mergeUsage, parseObject } from './message.ts'
import type { Emit } from './stream.ts'

export interface MessageWriterOptions {
  /** Model named in `message_start`. */
  readonly model: string
  /** Makes an identifier with this prefix. */
  newId(prefix: string): string
  /** Signature of a thinking block that ended without one; without it such a block stays unsigned. */
  readonly sign?: ((thinking: string) => string) | undefined
}

interface Call {
  id: string | undefined
  name: string
  /** Fragments in order; joined when the call ends. */
  readonly parts: string[]
  /** Fragments already sent. */
  sent: number
  opened: boolean
  closed: boolean
}

/**
 * Writes one answer as canonical events, in an order that cannot be wrong: `message_start` comes first and once, one
 * block is open at a time, indexes have no gaps, a tool call starts when its name is known, arguments of interleaved
 * calls are kept per call. The target dialects and local providers write through it.
 */
export class MessageWriter {
  readonly #emit: Emit<CanonicalEvent>
  readonly #options: MessageWriterOptions
  readonly #calls = new Map<string, Call>()
  #usage: CanonicalUsage = {}
  #started = false
  #ended = false
  #index = -1
  #open: 'text' | 'thinking' | Call | undefined
  #thought: string[] = []
  #signature: string | undefined
  #stop: { reason: StopReason | string; sequence: string | null } | undefined

  constructor(emit: Emit<CanonicalEvent>, options: MessageWriterOptions) {
    this.#emit = emit
    this.#options = options
  }

  /** A stop reason is known; what follows can only be usage. */
  get stopped(): boolean {
    return this.#stop !== undefined
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Any tool call was seen. */
  get hasCalls(): boolean {
    return this.#calls.size > 0
  }

  /** Sends `message_start`, once; every other method does it when needed. */
  start(): void {
    if (this.#started) return
    this.#started = true
    const usage = mergeUsage({ input_tokens: 0, output_tokens: 0 }, this.#usage)
    this.#emit({
      type: 'message_start',
      message: {
        id: this.#options.newId('msg_'),
        type: 'message',
        role: 'assistant',
        model: this.#options.model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage,
      },
    })
  }

  text(text: string): void {
    if (text === '') return
    if (this.#open !== 'text') {
      this.#openBlock({ type: 'text', text: '' })
      this.#open = 'text'
    }
    this.#delta({ type: 'text_delta', text })
  }

  thinking(thinking: string): void {
    if (thinking === '') return
    this.#openThinking()
    this.#thought.push(thinking)
    this.#delta({ type: 'thinking_delta', thinking })
  }

  /** The signature of the thinking that is open, or of a thinking block without text. */
  signature(signature: string): void {
    this.#openThinking()
    this.#signature = signature
  }

  /**
   * Opens or continues the tool call `key` (unique in this answer). Fragments of the name are joined until the first
   * argument or the next call; a call that starts while another is incomplete waits for it.
   */
  tool(key: string, part: { readonly id?: string | undefined; readonly name?: string | undefined; readonly arguments?: string | undefined }): void {
    let call = this.#calls.get(key)
    if (!call) {
      call = { id: undefined, name: '', parts: [], sent: 0, opened: false, closed: false }
      this.#calls.set(key, call)
    }
    if (part.id !== undefined && part.id !== '') call.id ??= part.id
    if (part.name !== undefined && !call.opened) call.name += part.name
    if (part.arguments !== undefined && part.arguments !== '') {
      if (call.closed) {
        if (part.arguments.trim() === '') return
        throw invalid(`tool call '${call.name}' went on after its arguments were complete`)
      }
      call.parts.push(part.arguments)
    }
    this.#advance(call)
  }

  /** A block that arrives whole, such as a server tool's result. */
  block(content_block: ContentBlock): void {
    this.#openBlock(content_block)
    this.#closeBlock()
  }

  /** Cumulative usage; the last word of each field wins. */
  usage(usage: CanonicalUsage): void {
    this.#usage = mergeUsage(this.#usage, usage)
  }

  /** Why the answer ended; the events go out with {@link end}, because usage may still follow. */
  stop(reason: StopReason | string, sequence: string | null = null): void {
    this.#stop = { reason, sequence }
  }

  /**
   * Closes what is open and sends `message_delta` and `message_stop`.
   *
   * @throws CcrError `CCR_STREAM_ENDED` without a stop reason; `CCR_STREAM_INVALID` when a tool call's arguments are not
   * a JSON object although the answer was not cut by its token limit.
   */
  end(): void {
    if (this.#ended) return
    const stop = this.#stop
    if (!stop) throw new CcrError('CCR_STREAM_ENDED', 'the answer ended before it said why')
    this.start()
    const cut = stop.reason === 'max_tokens' || stop.reason === 'model_context_window_exceeded'
    for (const call of this.#calls.values()) {
      const text = call.parts.join('')
      if (!cut && text !== '' && parseObject(text) === undefined) {
        throw invalid(`the arguments of tool call '${call.name}' are not a JSON object`)
      }
      if (!call.closed && (call.name !== '' || !cut)) this.#finishCall(call)
    }
    this.#closeBlock()
    this.#ended = true
    this.#emit({ type: 'message_delta', delta: { stop_reason: stop.reason, stop_sequence: stop.sequence }, usage: this.#usage })
    this.#emit({ type: 'message_stop' })
  }

  /** Calls go out in the order in which they began: a later one waits until every earlier one is complete. */
  #advance(call: Call): void {
    for (const current of this.#calls.values()) {
      if (current.closed) continue
      if (current === call) break
      if (this.#open !== current || parseObject(current.parts.join('')) === undefined) return
      this.#closeBlock()
    }
    if (this.#open !== call) {
      if (call.name === '' || call.parts.length === 0) return
      this.#openCall(call)
    }
    this.#sendParts(call)
  }

  #openCall(call: Call): void {
    const id = call.id !== undefined && /^[A-Za-z0-9_-]+$/.test(call.id) ? call.id : this.#options.newId('toolu_')
    this.#openBlock({ type: 'tool_use', id, name: call.name, input: {} })
    this.#open = call
    call.opened = true
  }

  #finishCall(call: Call): void {
    if (this.#open !== call) {
      if (call.name === '') throw invalid('a tool call has no name')
      this.#openCall(call)
      this.#sendParts(call)
    }
    this.#closeBlock()
  }

  #sendParts(call: Call): void {
    for (; call.sent < call.parts.length; call.sent++) this.#delta({ type: 'input_json_delta', partial_json: call.parts[call.sent]! })
  }

  #openThinking(): void {
    if (this.#open === 'thinking') return
    this.#openBlock({ type: 'thinking', thinking: '', signature: '' })
    this.#open = 'thinking'
  }

  #openBlock(content_block: ContentBlock): void {
    this.start()
    if (this.#open !== undefined) this.#closeBlock()
    this.#index++
    this.#emit({ type: 'content_block_start', index: this.#index, content_block })
    this.#open = 'text'
  }

  #closeBlock(): void {
    const open = this.#open
    if (open === undefined) return
    if (open === 'thinking') {
      const signature = this.#signature ?? this.#options.sign?.(this.#thought.join(''))
      if (signature !== undefined) this.#delta({ type: 'signature_delta', signature })
      this.#thought = []
      this.#signature = undefined
    } else if (typeof open === 'object') open.closed = true
    this.#open = undefined
    this.#emit({ type: 'content_block_stop', index: this.#index })
  }

  #delta(delta: Extract<CanonicalEvent, { type: 'content_block_delta' }>['delta']): void {
    this.#emit({ type: 'content_block_delta', index: this.#index, delta })
  }
}

function invalid(fact: string): CcrError {
  return new CcrError('CCR_STREAM_INVALID', `${fact}; the answer was given up`)
}
