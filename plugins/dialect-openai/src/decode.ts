import {
  type AnswerDecoder,
  type Attempt,
  type CanonicalEvent,
  CcrError,
  type Emit,
  errorInPlaceOf,
  estimateInput,
  MessageWriter,
  readReasoning,
  reportedError,
  tokensOf,
  writeJson,
} from '@ccr/sdk'
import { Annotations } from './annotations.ts'
import { CallKeys } from './call-keys.ts'
import { EmptyArguments } from './empty-arguments.ts'
import { sign, signDetails, type ReasoningField } from './reasoning.ts'
import { ReasoningDetails, textOf, type ReasoningDetail } from './reasoning-details.ts'
import { asRefusal } from './refusal.ts'
import type { ToolNames } from '@ccr/sdk'
import { toUsage } from './usage.ts'
import type { CallDelta, ChatChoice, ChatChunk, ChatDelta, ChatEvent, FunctionDelta } from './wire.ts'

/** Chat Completions chunks → canonical events, for one answer. */
export class ChatDecoder implements AnswerDecoder<ChatEvent> {
  readonly #writer: MessageWriter
  readonly #newId: (prefix: string) => string
  #keys: CallKeys | undefined
  #empty: EmptyArguments | undefined
  readonly #isComplete = (key: string): boolean => this.#writer.isComplete(key) || this.#empty?.isComplete(key) === true
  #emit: Emit<CanonicalEvent> = () => {}
  #annotations: Annotations | undefined
  readonly #provider: string
  #field: ReasoningField | undefined
  readonly #details = new ReasoningDetails()
  /** The reasoning that the details belong to. */
  #thought = ''
  #finish: string | undefined
  /** The finish reason came by itself, and nothing was said since. */
  #marked = false
  #matched: string | undefined
  #refused = false
  /** What was written last is text. */
  #afterText = false
  #counted = false
  /** Deltas have said something, which a message behind them would only repeat. */
  #streamed = false
  /** The last chunk, where it had no choice: it may say why no other came. */
  #rest: ChatChunk | undefined
  /** Characters of the answer, from which its tokens are guessed when nobody counts them. */
  #characters = 0

  constructor(attempt: Attempt, names: ToolNames | undefined) {
    const { exchange, target } = attempt
    this.#provider = target.provider
    this.#newId = (prefix) => exchange.newId(prefix)
    this.#writer = new MessageWriter((event) => this.#emit(this.#named(event)), {
      model: exchange.request.model,
      newId: this.#newId,
      sign: () => sign(target.provider, this.#field),
      toolName: names && ((name) => names.fromWire(name)),
      estimateInput: () => estimateInput(exchange.request),
    })
  }

  /** Some servers send neither usage nor a mark behind the finish reason; others give one with every piece. */
  get complete(): boolean {
    return this.#marked
  }

  chunk(event: ChatEvent, emit: Emit<CanonicalEvent>): void {
    if (this.#writer.ended) return
    this.#emit = emit
    if (isDone(event)) this.#end()
    else this.#chunk(event)
  }

  flush(emit: Emit<CanonicalEvent>): void {
    if (this.#writer.ended) return
    this.#emit = emit
    this.#end()
  }

  #chunk(chunk: ChatChunk): void {
    if (chunk.error !== undefined && chunk.error !== null) throw reportedError(chunk)
    const choice = firstChoice(chunk)
    const usage = chunk.usage ?? choice?.usage ?? chunk.x_groq?.usage
    if (usage) {
      this.#counted ||= typeof usage.completion_tokens === 'number'
      this.#writer.usage(toUsage(usage))
    }
    this.#writer.start()
    this.#rest = choice ? undefined : chunk
    if (!choice) return
    const { finish_reason: finish, delta } = choice
    const before = this.#characters
    if (choice.delta) {
      this.#delta(choice.delta)
      this.#streamed ||= this.#characters > 0
    } else if (choice.message && !this.#streamed) this.#delta(choice.message)
    if (finish) this.#stop(choice, finish)
    const says = this.#characters > before || Boolean(delta?.tool_calls?.length)
    this.#marked = !says && (this.#marked || Boolean(finish))
  }

  #delta(delta: ChatDelta): void {
    this.#reasoning(delta)
    if (delta.annotations?.length) {
      this.#annotations ??= new Annotations(this.#writer, this.#newId)
      this.#annotations.add(delta.annotations, this.#afterText)
    }
    const content = delta.content
    if (typeof content === 'string') this.#text(content)
    else if (Array.isArray(content)) for (const part of content) this.#part(part)
    if (typeof delta.refusal === 'string' && delta.refusal !== '') {
      this.#refused = true
      this.#text(delta.refusal)
    }
    const calls = delta.tool_calls
    if (Array.isArray(calls)) for (let at = 0; at < calls.length; at++) this.#call(calls[at] as CallDelta | null, at)
    if (delta.function_call) this.#function('function_call', undefined, delta.function_call)
    this.#arguments(this.#empty?.settle())
  }

  #arguments(found: readonly (readonly [string, string])[] = []): void {
    for (const [key, text] of found) this.#writer.tool(key, { arguments: text })
  }

  /** Servers that name reasoning twice say the same in both fields, so one of them counts. */
  #reasoning(delta: ChatDelta): void {
    if (Array.isArray(delta.reasoning_details)) this.#details.add(delta.reasoning_details)
    if (delta.reasoning_content) this.#thinking(delta.reasoning_content, 'reasoning_content')
    else if (delta.reasoning) this.#thinking(delta.reasoning, 'reasoning')
    else if (Array.isArray(delta.reasoning_details)) {
      for (const detail of delta.reasoning_details as readonly unknown[])
        if (typeof detail === 'object' && detail !== null)
          this.#thinking(textOf(detail as ReasoningDetail), 'reasoning')
    }
    if (!delta.thinking) return
    const { content, signature } = delta.thinking as { content?: unknown; signature?: unknown }
    this.#thinking(content, this.#field)
    if (typeof signature === 'string' && readReasoning(signature)) this.#writer.signature(signature)
  }

  #thinking(text: unknown, field: ReasoningField | undefined): void {
    if (typeof text !== 'string' || text === '') return
    this.#field = field
    this.#afterText = false
    this.#characters += text.length
    if (!this.#details.empty) this.#thought += text
    this.#writer.thinking(text)
  }

  /** Something else follows: the reasoning before it is signed with its details, which may have come without text. */
  #endReasoning(): void {
    if (!this.#details.empty) this.#writer.signature(signDetails(this.#provider, this.#thought, this.#details.take()))
    this.#thought = ''
  }

  #text(text: string): void {
    if (text === '') return
    this.#endReasoning()
    this.#characters += text.length
    this.#annotations?.settle(true)
    this.#afterText = true
    this.#writer.text(text)
  }

  /** A part of a content list: text, a refusal, or thinking as Mistral sends it. */
  #part(part: unknown): void {
    if (typeof part === 'string') return this.#text(part)
    if (typeof part !== 'object' || part === null) return
    const { text, thinking, refusal } = part as { text?: unknown; thinking?: unknown; refusal?: unknown }
    if (typeof text === 'string') this.#text(text)
    else if (typeof thinking === 'string') this.#thinking(thinking, undefined)
    else if (Array.isArray(thinking)) {
      for (const inner of thinking as readonly ({ text?: unknown } | null)[]) this.#thinking(inner?.text, undefined)
    } else if (typeof refusal === 'string') {
      this.#refused = true
      this.#text(refusal)
    }
  }

  /** A text that begins after a refusal did is it; one that began before stays what it was. */
  #named(event: CanonicalEvent): CanonicalEvent {
    if (!this.#refused || event.type !== 'content_block_start' || event.content_block.type !== 'text') return event
    return { ...event, content_block: asRefusal(event.content_block) }
  }

  #call(call: CallDelta | null, position: number): void {
    if (typeof call !== 'object' || call === null) return
    const id = typeof call.id === 'string' || typeof call.id === 'number' ? `${call.id}` : undefined
    this.#keys ??= new CallKeys()
    this.#function(this.#keys.keyOf(call, id, position, this.#isComplete), id, call.function ?? {})
  }

  #function(key: string, id: string | undefined, part: FunctionDelta): void {
    const { name, arguments: given } = part
    const text =
      typeof given === 'string' ? given : given === undefined || given === null ? undefined : writeJson(given)
    this.#characters += text?.length ?? 0
    this.#afterText = false
    this.#endReasoning()
    const known = text && (this.#empty ??= new EmptyArguments()).push(key, text)
    this.#writer.tool(key, { id, name: typeof name === 'string' ? name : undefined, arguments: known })
  }

  #stop(choice: ChatChoice, reason: string): void {
    const failed = FAILED.get(reason)
    if (failed) throw reportedError({ error: choice.error ?? failed })
    this.#finish = reason
    const matched = choice.stop_reason ?? choice.matched_stop
    if (typeof matched === 'string' && reason === 'stop') this.#matched = matched
  }

  #end(): void {
    const writer = this.#writer
    if (this.#finish === undefined) {
      const ended = new CcrError('CCR_STREAM_ENDED', 'the answer ended before its finish reason')
      throw (this.#rest && errorInPlaceOf(this.#rest)) ?? ended
    }
    this.#endReasoning()
    this.#arguments(this.#empty?.rest())
    this.#annotations?.settle(false)
    if (!this.#counted) writer.guessOutput(tokensOf(this.#characters))
    const reason = this.#refused ? 'refusal' : stopReason(this.#finish, writer.hasCalls, this.#matched)
    writer.stop(reason, reason === 'stop_sequence' ? (this.#matched ?? null) : null)
    writer.end()
  }
}

function isDone(event: ChatEvent): event is { readonly done: true } {
  return (event as { done?: unknown }).done === true
}

function firstChoice(chunk: ChatChunk): ChatChoice | undefined {
  const choices = chunk.choices
  if (!Array.isArray(choices)) return undefined
  for (const choice of choices as readonly (ChatChoice | null)[]) if (choice && !choice.index) return choice
  return undefined
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['length', 'max_tokens'],
  ['max_tokens', 'max_tokens'],
  ['model_length', 'max_tokens'],
  ['content_filter', 'refusal'],
  ['sensitive', 'refusal'],
])

/** Finish reasons that say the answer failed. */
const FAILED: ReadonlyMap<string, object> = new Map([
  ['error', { message: 'the upstream ended its answer with an error' }],
  ['network_error', { message: 'the upstream lost its connection to the model' }],
  [
    'insufficient_system_resource',
    { message: 'the upstream had no resources to finish its answer', type: 'overloaded' },
  ],
])

/** Whether a call was made decides between `tool_use` and the end of a turn, whatever word the server used. */
function stopReason(finish: string, hasCalls: boolean, matched: string | undefined): string {
  const known = REASONS.get(finish)
  if (known !== undefined) return known
  if (hasCalls) return 'tool_use'
  return matched === undefined ? 'end_turn' : 'stop_sequence'
}
