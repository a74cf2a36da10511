import type { CanonicalEvent, CanonicalUsage, ContentBlock, ToolUseBlock } from './canonical.ts'
import { CcrError } from './errors.ts'
import { createAccumulator, mergeUsage, parseObject } from './message.ts'
import type { EndHandler, EndOptions, StreamFunction, TurnEnd } from './stream.ts'

type Batch = readonly CanonicalEvent[]
type EventOf<Type extends CanonicalEvent['type']> = Extract<CanonicalEvent, { type: Type }>

/** How often a turn may be continued unless its plugin says otherwise. */
const ROUNDS = 8

/**
 * The whole-stream function behind `stream.onEnd`: holds the end of a message back, asks the handler, and lets what
 * that appends go on in the same message.
 *
 * @param onAppended hears of the output tokens of each appended stream
 */
export function continueTurn(
  handler: EndHandler,
  options: EndOptions,
  onAppended: (outputTokens: number) => void,
): StreamFunction {
  const { tools = [], rounds = ROUNDS } = options
  return async function* (batches) {
    const turn = new Turn(new Set(tools), onAppended)
    for (let source: AsyncIterable<Batch> | undefined = batches; source;) {
      for await (const batch of source) {
        const visible = turn.see(batch)
        if (visible.length > 0) yield visible
        if (turn.ended) break
      }
      if (!turn.ended) return yield turn.cut()
      source = turn.round < rounds ? await turn.ask(handler) : undefined
    }
    yield turn.close()
  }
}

/** One message that is made of one or more streams. */
class Turn {
  readonly #tools: ReadonlySet<string>
  readonly #onAppended: (outputTokens: number) => void
  #part: Part
  round = 0
  #next = 0
  /** The end that the first stream had; each later one may change why it stopped. */
  #delta: EventOf<'message_delta'> | undefined
  #appended = 0
  #clientCalled = false

  constructor(tools: ReadonlySet<string>, onAppended: (outputTokens: number) => void) {
    this.#tools = tools
    this.#onAppended = onAppended
    this.#part = new Part(tools)
  }

  get ended(): boolean {
    return this.#part.ended
  }

  /** What of a batch goes to the client now. */
  see(batch: Batch): Batch {
    const visible: CanonicalEvent[] = []
    for (const event of batch) {
      if (this.#part.ended) break
      const kept = this.#part.see(event)
      if (kept?.type === 'content_block_start' && isCall(kept.content_block)) this.#clientCalled = true
      if (kept === undefined || (kept.type === 'message_start' && this.round > 0)) continue
      if (kept.type === 'content_block_start') visible.push({ ...kept, index: this.#next++ })
      else if ('index' in kept) visible.push({ ...kept, index: this.#next - 1 })
      else visible.push(kept)
    }
    return visible
  }

  /** The stream that goes on with the turn, if any. */
  async ask(handler: EndHandler): Promise<AsyncIterable<Batch> | undefined> {
    this.#absorb()
    const source = (await handler(this.#part.end(this.round))) ?? undefined
    if (!source) return undefined
    if (typeof source[Symbol.asyncIterator] !== 'function') {
      const fact = 'the handler of onEnd gave no stream of events'
      throw new CcrError('CCR_HOOK_RESULT', `${fact}; give ctx.exchangeStream(…), a generator of batches, or nothing`)
    }
    if (this.#clientCalled) {
      const fact = 'a turn was to be continued whose tool calls the client has yet to answer'
      throw new CcrError('CCR_HOOK_RESULT', `${fact}; give nothing while turn.clientCalls holds one`)
    }
    this.round++
    this.#part = new Part(this.#tools)
    return source
  }

  /** The end of the whole message. */
  close(): Batch {
    this.#absorb()
    // Whatever else its upstream left out is for the validator to find.
    if (!this.#delta) return [{ type: 'message_stop' }]
    const { delta, usage, ...rest } = this.#delta
    const open = delta.stop_reason !== 'tool_use' || this.#clientCalled || this.#part.privateCalls === 0
    const added = this.#appended > 0 ? { output_tokens: (usage?.output_tokens ?? 0) + this.#appended } : {}
    return [
      {
        ...rest,
        // The calls that it stopped for are not in the message that the client gets.
        delta: open ? delta : { ...delta, stop_reason: 'end_turn' },
        ...(usage || this.#appended > 0 ? { usage: { ...usage, ...added } } : {}),
      },
      { type: 'message_stop' },
    ]
  }

  /** What is left of a stream that lacks its end; nothing stands for that. */
  cut(): Batch {
    if (this.round === 0) return this.#part.delta ? [this.#part.delta] : []
    throw endless()
  }

  #absorb(): void {
    if (this.#part.absorbed) return
    this.#part.absorbed = true
    const { delta } = this.#part
    if (this.round === 0) {
      this.#delta = delta
      return
    }
    if (!delta) throw endless()
    const output = delta.usage?.output_tokens ?? 0
    this.#appended += output
    this.#onAppended(output)
    this.#delta = { ...delta, usage: this.#delta?.usage }
  }
}

/** One stream of a turn. */
class Part {
  readonly #tools: ReadonlySet<string>
  readonly #accumulator = createAccumulator()
  /** The plugin's own call that is open now, and its arguments so far. */
  #call: { readonly block: ToolUseBlock; readonly index: number; text: string } | undefined
  readonly #calls: ToolUseBlock[] = []
  #delta: EventOf<'message_delta'> | undefined
  #usage: CanonicalUsage | undefined
  ended = false
  absorbed = false

  constructor(tools: ReadonlySet<string>) {
    this.#tools = tools
  }

  /** The last of the events that end it, with the usage of all of them. */
  get delta(): EventOf<'message_delta'> | undefined {
    return this.#delta && { ...this.#delta, ...(this.#usage ? { usage: this.#usage } : {}) }
  }

  get privateCalls(): number {
    return this.#calls.length
  }

  /** The event, unless the client must not see it or has to wait for it. */
  see(event: CanonicalEvent): CanonicalEvent | undefined {
    if (event.type === 'message_stop') this.ended = true
    else if (event.type === 'message_delta') {
      const { delta } = this.#delta ?? event
      this.#delta = { ...event, delta: { ...event.delta, stop_reason: event.delta.stop_reason ?? delta.stop_reason } }
      if (event.usage) this.#usage = mergeUsage(this.#usage ?? {}, event.usage)
    } else if (this.#isPrivate(event)) return undefined
    else {
      this.#accumulator.push(event)
      return event
    }
    return undefined
  }

  end(round: number): TurnEnd {
    const content = this.#accumulator.message()?.content ?? []
    const clientCalls = content.filter((block): block is ToolUseBlock => isCall(block) && !this.#tools.has(block.name))
    return { content, calls: this.#calls, clientCalls, stopReason: this.#delta?.delta.stop_reason ?? null, round }
  }

  #isPrivate(event: CanonicalEvent): boolean {
    if (event.type === 'content_block_start') {
      const { content_block: block, index } = event
      if (!isCall(block) || !this.#tools.has(block.name)) return false
      this.#call = { block, index, text: '' }
      return true
    }
    const call = this.#call
    if (!call || !('index' in event) || event.index !== call.index) return false
    if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta')
      call.text += event.delta.partial_json
    else if (event.type === 'content_block_stop') this.#finish(call)
    return true
  }

  #finish({
    block,
    index,
    text,
  }: {
    readonly block: ToolUseBlock
    readonly index: number
    readonly text: string
  }): void {
    this.#call = undefined
    const whole = { ...block, input: text === '' ? (block.input ?? {}) : (parseObject(text) ?? {}) }
    this.#accumulator.push({ type: 'content_block_start', index, content_block: whole })
    this.#accumulator.push({ type: 'content_block_stop', index })
    this.#calls.push(whole)
  }
}

function endless(): CcrError {
  return new CcrError('CCR_STREAM_ENDED', 'what was appended to the answer ended before its last event')
}

function isCall(block: ContentBlock): block is ToolUseBlock {
  return block.type === 'tool_use'
}
