import type { CanonicalEvent, CanonicalMessage, CanonicalUsage, ContentBlock } from './canonical.ts'
import { CcrError } from './errors.ts'
import type { LocalReply } from './hooks.ts'
import { isObject } from './is-object.ts'
import { isBounded } from './json-bounds.ts'
import { parseJson, writeJson } from './json-numbers.ts'

/** Adds cumulative usage to what was known: later values win, absent and null ones change nothing. */
export function mergeUsage(known: CanonicalUsage, later: CanonicalUsage | null | undefined): CanonicalUsage {
  return later ? mergeFields(known, later) : known
}

function mergeFields(known: object, later: object): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...known }
  for (const key in later) {
    const value = (later as Record<string, unknown>)[key]
    if (value !== null && value !== undefined) merged[key] = value
  }
  return merged
}

type Draft = { type: string; [field: string]: unknown }

/** Collects canonical events to the whole answer that they are. */
export interface MessageAccumulator {
  push(event: CanonicalEvent): void
  /** The whole answer, or nothing before `message_start`. */
  message(): CanonicalMessage | undefined
}

/**
 * Builds the whole answer from canonical events. A tool call whose arguments are not a JSON object (its answer was cut
 * by `max_tokens`) is left out: a truncated call is never completed.
 */
export function createAccumulator(): MessageAccumulator {
  const accumulator = new Accumulator()
  return { push: (event) => accumulator.push(event), message: () => accumulator.message() }
}

class Accumulator implements MessageAccumulator {
  #start: CanonicalMessage | undefined
  /** What only the end says, such as `stop_details` and `context_management`. */
  #late: Record<string, unknown> = {}
  #usage: CanonicalUsage = {}
  #stopReason: string | null = null
  #stopSequence: string | null = null
  readonly #blocks: (Draft | undefined)[] = []
  /** The pieces of each open block. */
  readonly #pieces: (string[] | undefined)[] = []

  push(event: CanonicalEvent): void {
    switch (event.type) {
      case 'message_start':
        this.#start = event.message
        this.#usage = event.message.usage ?? {}
        break
      case 'content_block_start':
        this.#blocks[event.index] = { ...event.content_block }
        break
      case 'content_block_delta':
        this.#delta(event.index, event.delta)
        break
      case 'content_block_stop':
        this.#stop(event.index)
        break
      case 'message_delta': {
        const {
          type: _type,
          delta: { stop_reason, stop_sequence, ...inner },
          usage,
          ...outer
        } = event
        this.#stopReason = stop_reason ?? this.#stopReason
        this.#stopSequence = stop_sequence ?? this.#stopSequence
        this.#usage = mergeUsage(this.#usage, usage)
        this.#late = mergeFields(mergeFields(this.#late, inner), outer)
        break
      }
      default:
    }
  }

  message(): CanonicalMessage | undefined {
    if (!this.#start) return undefined
    const content = this.#blocks.filter((block) => block !== undefined) as readonly ContentBlock[]
    const [stop_reason, stop_sequence] = [this.#stopReason, this.#stopSequence]
    return { ...this.#start, ...this.#late, content, stop_reason, stop_sequence, usage: this.#usage }
  }

  #delta(index: number, part: Extract<CanonicalEvent, { type: 'content_block_delta' }>['delta']): void {
    const block = this.#blocks[index]
    if (!block) return
    if (part.type === 'citations_delta')
      block['citations'] = [...((block['citations'] as unknown[] | null) ?? []), part.citation]
    else if (part.type === 'signature_delta') block['signature'] = part.signature
    else {
      const piece =
        part.type === 'text_delta' ? part.text : part.type === 'thinking_delta' ? part.thinking : part.partial_json
      const list = this.#pieces[index]
      if (list) list.push(piece)
      else this.#pieces[index] = [piece]
    }
  }

  #stop(index: number): void {
    const block = this.#blocks[index]
    const list = this.#pieces[index]
    if (!block || !list) return
    this.#pieces[index] = undefined
    const joined = list.join('')
    if (block.type === 'text') block['text'] = `${String(block['text'] ?? '')}${joined}`
    else if (block.type === 'thinking') block['thinking'] = `${String(block['thinking'] ?? '')}${joined}`
    else if (joined !== '') {
      const input = parseObject(joined)
      if (input === undefined) this.#blocks[index] = undefined
      else block['input'] = input
    }
  }
}

/** The events that a stream of this whole answer would have had. */
export function messageEvents(message: CanonicalMessage): readonly CanonicalEvent[] {
  const { content, stop_reason, stop_sequence, usage } = message
  const opening = {
    ...message,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...usage, output_tokens: 0 },
  }
  const events: CanonicalEvent[] = [{ type: 'message_start', message: opening }]
  content.forEach((block, index) => blockEvents(block as Draft, index, events))
  events.push({ type: 'message_delta', delta: { stop_reason, stop_sequence }, usage }, { type: 'message_stop' })
  return events
}

function blockEvents(block: Draft, index: number, events: CanonicalEvent[]): void {
  const start = (content_block: Draft): unknown => events.push({ type: 'content_block_start', index, content_block })
  const delta = (part: Extract<CanonicalEvent, { type: 'content_block_delta' }>['delta']): unknown =>
    events.push({ type: 'content_block_delta', index, delta: part })
  switch (block.type) {
    case 'text':
      start({ ...block, text: '', ...(block['citations'] ? { citations: [] } : {}) })
      for (const citation of (block['citations'] as unknown[] | null | undefined) ?? [])
        delta({ type: 'citations_delta', citation })
      if (block['text']) delta({ type: 'text_delta', text: String(block['text']) })
      break
    case 'thinking':
      start({ ...block, thinking: '', signature: '' })
      if (block['thinking']) delta({ type: 'thinking_delta', thinking: String(block['thinking']) })
      if (block['signature']) delta({ type: 'signature_delta', signature: String(block['signature']) })
      break
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      start({ ...block, input: {} })
      delta({ type: 'input_json_delta', partial_json: writeJson(block['input'] ?? {}) })
      break
    default:
      start(block)
  }
  events.push({ type: 'content_block_stop', index })
}

/** The object that a JSON text holds; nothing when it holds anything else, or more than a request could. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  if (!isBounded(text)) return undefined
  try {
    const value = parseJson(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** What an event takes that holds next to nothing: many small ones are what fills the memory. */
const EVENT_BYTES = 64

/** About how many bytes events hold: the text of deltas, everything of the rest, and something for each of them. */
export function weightOfEvents(events: readonly CanonicalEvent[]): number {
  let weight = EVENT_BYTES * events.length
  for (const event of events) {
    const delta = event.type === 'content_block_delta' ? event.delta : undefined
    if (delta?.type === 'text_delta') weight += weightOf(delta.text)
    else if (delta?.type === 'thinking_delta') weight += weightOf(delta.thinking)
    else if (delta?.type === 'input_json_delta') weight += weightOf(delta.partial_json)
    else if (event.type !== 'content_block_stop') weight += weightOf(event)
  }
  return weight
}

/**
 * Close to the length as JSON; writing the events of a small answer out to measure them cost it 5 µs. What is deeper
 * than a dozen levels weighs nothing, so that what holds itself has a weight too.
 */
function weightOf(value: unknown, level = 0): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null || level > 12) return 4
  let weight = 2
  if (Array.isArray(value)) for (const one of value) weight += weightOf(one, level + 1) + 1
  else for (const key in value) weight += key.length + 4 + weightOf((value as Record<string, unknown>)[key], level + 1)
  return weight
}

/**
 * The message that a whole stream of events amounts to.
 *
 * @throws CcrError `CCR_STREAM_ENDED` when there is none
 */
export function messageOfEvents(events: readonly CanonicalEvent[]): CanonicalMessage {
  const accumulator = new Accumulator()
  for (const event of events) accumulator.push(event)
  const message = accumulator.message()
  if (!message) throw new CcrError('CCR_STREAM_ENDED', 'the answer has no beginning')
  return message
}

/** Whether a client would miss an event if another target answered instead: content, and nothing before it. */
export function isSubstantive(event: CanonicalEvent): boolean {
  return event.type === 'content_block_start' || event.type === 'content_block_delta'
}

/** Whether an event is more than a sign of life. */
export function isProgress(event: CanonicalEvent): boolean {
  return event.type !== 'ping'
}

/** Whether a batch is the last one of its message. */
export function isEnd(events: readonly CanonicalEvent[]): boolean {
  return events.at(-1)?.type === 'message_stop'
}

/** The events of an answer that a plugin made. */
export function replyEvents(
  reply: Exclude<LocalReply, { readonly failure: unknown }>,
): AsyncIterable<readonly CanonicalEvent[]> {
  return 'message' in reply ? one(messageEvents(reply.message)) : reply.events
}

async function* one(batch: readonly CanonicalEvent[]): AsyncGenerator<readonly CanonicalEvent[]> {
  yield batch
}
