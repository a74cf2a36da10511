import type { BlockDelta, CanonicalEvent, CanonicalUsage, ContentBlock, StopReason } from './canonical.ts'
import { CcrError } from './errors.ts'
import { writeJson } from './json-numbers.ts'
import type { Call, Run, Segment, Whole } from './message-segments.ts'
import { mergeUsage } from './message.ts'
import type { Emit } from './stream.ts'
import { ToolArguments } from './tool-arguments.ts'
import { asEstimated } from './usage.ts'

/** What a {@link MessageWriter} needs from outside. */
export interface MessageWriterOptions {
  /** Model named in `message_start`. */
  readonly model: string
  /** Makes an identifier with this prefix. */
  newId(prefix: string): string
  /** Signature of a thinking block that ended without one; without it such a block stays unsigned. */
  readonly sign?: ((thinking: string) => string) | undefined
  /** The name shown to the client for the name the upstream used. */
  readonly toolName?: ((name: string) => string) | undefined
  /** Input tokens named in `message_start` when the upstream has not counted them by then. */
  readonly estimateInput?: (() => number) | undefined
}

/** Most characters kept back for the sake of order, or kept until a block is complete: 8 Mi. */
export const MAX_HELD = 8 * 1024 * 1024

/** Stop reasons that may come in the middle of a call. */
const CUT: ReadonlySet<string> = new Set<StopReason>(['max_tokens', 'model_context_window_exceeded', 'refusal'])

/** What one held fragment costs beside its characters, so that empty fragments are bounded too. */
const FRAGMENT_COST = 16

/**
 * Writes one answer as canonical events, in an order that cannot be wrong: `message_start` comes first and once, one
 * block is open at a time, indexes have no gaps, and a tool call starts when its name is known. The first segment that
 * is not finished is live and streams; what comes behind an incomplete tool call waits in order until the call is
 * complete or the answer ends. After {@link end} everything is ignored. The target dialects and local providers write
 * through it.
 */
export class MessageWriter {
  readonly #emit: Emit<CanonicalEvent>
  readonly #options: MessageWriterOptions
  /** Most answers call nothing, and a map costs as much as all the rest of an answer of few words. */
  #calls: Map<string, Call> | undefined
  #ids: Set<string> | undefined
  #usage: CanonicalUsage = {}
  #guessed = false
  #started = false
  #ended = false
  #index = -1
  #live: Segment | undefined
  /** Segments that have not begun, from `#next` on. */
  #waiting: Segment[] = []
  #next = 0
  #last: Segment | undefined
  #held = 0
  #stop: { reason: StopReason | string; sequence: string | null } | undefined

  constructor(emit: Emit<CanonicalEvent>, options: MessageWriterOptions) {
    this.#emit = emit
    this.#options = options
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Any tool call was seen. */
  get hasCalls(): boolean {
    return this.#calls !== undefined
  }

  /** Sends `message_start`, once; every other method does it when needed. */
  start(): void {
    if (this.#started) return
    this.#started = true
    const counted = typeof this.#usage.input_tokens === 'number'
    const zero: CanonicalUsage = {
      input_tokens: counted ? 0 : (this.#options.estimateInput?.() ?? 0),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 0,
    }
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
        usage: mergeUsage(zero, this.#usage),
      },
    })
  }

  text(text: string): void {
    if (text === '' || this.#ended) return
    this.#write(this.#run('text'), { type: 'text_delta', text }, text.length)
  }

  /** A citation of the text that was written last, or of the text that follows. */
  citation(citation: unknown): void {
    if (this.#ended) return
    const run = this.#run('text')
    this.#write(run, { type: 'citations_delta', citation }, run.opened ? 0 : sizeOf(citation))
  }

  thinking(thinking: string): void {
    if (thinking === '' || this.#ended) return
    let run = this.#run('thinking')
    if (run.signature !== undefined)
      run = this.#append({ kind: 'thinking', waiting: [], held: 0, thought: '', signature: undefined, opened: false })
    if (this.#options.sign) {
      run.thought += thinking
      this.#hold(thinking.length)
    }
    this.#write(run, { type: 'thinking_delta', thinking }, thinking.length)
  }

  /** The signature of the thinking that was written last, or of a thinking block without text. */
  signature(signature: string): void {
    if (this.#ended) return
    const run = this.#run('thinking')
    this.#hold(signature.length - (run.signature?.length ?? 0))
    run.signature = signature
  }

  /**
   * Opens or continues the tool call `key` (unique in this answer). Fragments of the name are joined until the first
   * argument; a name that is repeated whole counts once. Arguments may come before the name.
   *
   * @throws CcrError `CCR_STREAM_INVALID` when a call goes on whose block has ended
   */
  tool(
    key: string,
    part: {
      readonly id?: string | undefined
      readonly name?: string | undefined
      readonly arguments?: string | undefined
    },
  ): void {
    if (this.#ended) return
    let call = this.#calls?.get(key)
    if (!call) {
      call = { kind: 'call', id: undefined, name: '', arguments: new ToolArguments(), opened: false, closed: false }
      ;(this.#calls ??= new Map()).set(key, call)
      this.#hold(FRAGMENT_COST + key.length)
      this.#append(call)
    }
    if (part.id && call.id === undefined) {
      call.id = part.id
      this.#hold(part.id.length)
    }
    if (part.name && !call.opened && part.name !== call.name) {
      call.name += part.name
      this.#hold(part.name.length)
    }
    const fragment = part.arguments
    if (fragment && !(call.closed && fragment.trim() === '')) {
      // Some servers end a call with its arguments once more, in a spelling of their own.
      if (call.arguments.isRepeatedBy(fragment)) return
      this.#hold(fragment.length)
      if (call.closed) throw invalid(`tool call '${call.name}' went on after its arguments were complete`)
      call.arguments.push(fragment)
      if (call.opened) this.#delta({ type: 'input_json_delta', partial_json: fragment })
    }
    if (this.#live !== call) return
    this.#openCall(call)
    this.#advance()
  }

  /** The arguments of the tool call `key` are complete: whatever else comes under this key is another call. */
  isComplete(key: string): boolean {
    return this.#calls?.get(key)?.arguments.complete ?? false
  }

  /** A block that arrives whole, such as a server tool's call or result. */
  block(content_block: ContentBlock): void {
    if (this.#ended) return
    const segment: Whole = { kind: 'whole', block: content_block, held: 0 }
    this.#append(segment)
    if (this.#live === segment) return
    segment.held = FRAGMENT_COST + sizeOf(content_block)
    this.#hold(segment.held)
  }

  /** Cumulative usage; the last word of each field wins. */
  usage(usage: CanonicalUsage): void {
    this.#usage = mergeUsage(this.#usage, usage)
  }

  /** Output tokens that were guessed, because the upstream did not count them. */
  guessOutput(tokens: number): void {
    this.#guessed = true
    this.usage({ output_tokens: tokens })
  }

  /** Why the answer ended; the events go out with {@link end}, because usage may still follow. */
  stop(reason: StopReason | string, sequence: string | null = null): void {
    this.#stop = { reason, sequence }
  }

  /**
   * Sends what was kept back, closes what is open and sends `message_delta` and `message_stop`. When the answer was
   * cut, by a limit or a refusal, a last call without any argument is left out, because it would look complete.
   *
   * @throws CcrError `CCR_STREAM_ENDED` without a stop reason; `CCR_STREAM_INVALID` when a tool call has no name and
   * the answer was not cut. Arguments are judged behind the stages of plugins, which may mend them.
   */
  end(): void {
    if (this.#ended) return
    const stop = this.#stop
    if (!stop) throw new CcrError('CCR_STREAM_ENDED', 'the answer ended before it said why')
    const cut = CUT.has(stop.reason)
    if (!cut) this.#checkNames()
    this.start()
    if (this.#live?.kind === 'call') this.#openCall(this.#live, !cut || this.#isBehind)
    this.#close()
    while (this.#isBehind) {
      const segment = this.#take()
      this.#open(segment, !cut || this.#isBehind)
      this.#close()
    }
    this.#ended = true
    const counted = { output_tokens: 0, ...this.#usage }
    const usage = this.#guessed || typeof counted.input_tokens !== 'number' ? asEstimated(counted) : counted
    this.#emit({ type: 'message_delta', delta: { stop_reason: stop.reason, stop_sequence: stop.sequence }, usage })
    this.#emit({ type: 'message_stop' })
  }

  #checkNames(): void {
    for (const { name } of this.#calls?.values() ?? []) if (name === '') throw invalid('a tool call has no name')
  }

  /** The run of this kind that the next delta belongs to. */
  #run(kind: 'text' | 'thinking'): Run {
    const last = this.#last
    if (last?.kind === kind) return last as Run
    return this.#append({ kind, waiting: [], held: 0, thought: '', signature: undefined, opened: false })
  }

  #write(run: Run, delta: BlockDelta, length: number): void {
    if (run.opened) this.#delta(delta)
    else {
      this.#hold(length + FRAGMENT_COST)
      run.held += length + FRAGMENT_COST
      run.waiting.push(delta)
    }
  }

  #append<Kind extends Segment>(segment: Kind): Kind {
    this.#last = segment
    this.#waiting.push(segment)
    this.#advance()
    return segment
  }

  /** Moves on while something waits and the live segment is finished. */
  #advance(): void {
    while (this.#isBehind) {
      const live = this.#live
      if (live?.kind === 'call' && !(live.opened && live.arguments.complete)) return
      this.#close()
      this.#open(this.#take(), false)
    }
  }

  /** Something waits behind the live segment. */
  get #isBehind(): boolean {
    return this.#next < this.#waiting.length
  }

  #take(): Segment {
    const segment = this.#waiting[this.#next++]!
    if (this.#next === this.#waiting.length) {
      this.#waiting = []
      this.#next = 0
    }
    return segment
  }

  #open(segment: Segment, last: boolean): void {
    this.#live = segment
    if (segment.kind === 'call') return this.#openCall(segment, last)
    this.start()
    this.#index++
    this.#held -= segment.held
    segment.held = 0
    if (segment.kind === 'whole') return this.#openWhole(segment.block)
    segment.opened = true
    const content_block: ContentBlock =
      segment.kind === 'text' ? { type: 'text', text: '' } : { type: 'thinking', thinking: '', signature: '' }
    this.#emit({ type: 'content_block_start', index: this.#index, content_block })
    for (const delta of segment.waiting) this.#delta(delta)
    segment.waiting.length = 0
  }

  /** Clients take the input of a call from its deltas alone, also that of a server tool. */
  #openWhole(block: ContentBlock): void {
    const server = block.type === 'server_tool_use' || block.type === 'tool_use'
    const content_block = server ? { ...block, input: {} } : block
    this.#emit({ type: 'content_block_start', index: this.#index, content_block })
    if (server) this.#delta({ type: 'input_json_delta', partial_json: writeJson('input' in block ? block.input : {}) })
  }

  /** Starts a call once its name is whole, which the first argument shows; `last` when nothing more can come. */
  #openCall(call: Call, last = false): void {
    if (call.opened || call.name === '' || (call.arguments.empty && !last)) return
    call.opened = true
    this.start()
    this.#index++
    const name = this.#options.toolName?.(call.name) ?? call.name
    this.#emit({
      type: 'content_block_start',
      index: this.#index,
      content_block: { type: 'tool_use', id: this.#callId(call), name, input: {} },
    })
    this.#delta({ type: 'input_json_delta', partial_json: call.arguments.empty ? '{}' : call.arguments.text })
  }

  #callId(call: Call): string {
    const given = call.id
    const id =
      given !== undefined && /^[A-Za-z0-9_-]+$/.test(given) && !this.#ids?.has(given)
        ? given
        : this.#options.newId('toolu_')
    ;(this.#ids ??= new Set()).add(id)
    return id
  }

  #close(): void {
    const live = this.#live
    this.#live = undefined
    if (live === undefined) return
    if (live.kind === 'call') {
      live.closed = true
      this.#held -= live.arguments.release()
      if (!live.opened) return
    } else if (live.kind === 'thinking') {
      const signature = live.signature ?? this.#options.sign?.(live.thought)
      if (signature !== undefined) this.#delta({ type: 'signature_delta', signature })
      this.#held -= live.thought.length + (live.signature?.length ?? 0)
      live.thought = ''
    }
    this.#emit({ type: 'content_block_stop', index: this.#index })
  }

  #hold(length: number): void {
    this.#held += length
    if (this.#held > MAX_HELD)
      throw new CcrError(
        'CCR_STREAM_LIMIT',
        `the answer made the router keep more than ${MAX_HELD} characters; it was given up`,
      )
  }

  #delta(delta: BlockDelta): void {
    this.#emit({ type: 'content_block_delta', index: this.#index, delta })
  }
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0
}

function invalid(fact: string): CcrError {
  return new CcrError('CCR_STREAM_INVALID', `${fact}; the answer was given up`)
}
