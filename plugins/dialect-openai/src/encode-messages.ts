import { createHash } from 'node:crypto'
import { describeBlock, failureText, isKnownBlock, joinSystem, writeJson } from '@ccr/sdk'
import type { CanonicalRequest, ContentBlock, Message, ToolResultBlock } from '@ccr/sdk'
import type { Trait } from './adapt.ts'
import { toContent, toParts } from './content.ts'
import type { EncodeOptions } from './encode-options.ts'
import { replay } from './reasoning.ts'
import type { ReasoningDetail } from './reasoning-details.ts'
import type { AssistantMessage, ChatCall, ChatMessage, ChatPart } from './wire.ts'

/** Says which client sent the request, differs per session, and so would spoil every prompt cache. */
const BILLING = 'x-anthropic-billing-header:'

/** Stands where a turn without content would leave two assistant turns side by side. */
const EMPTY_TURN = '…'

/** Longest id of a call, in characters, that OpenAI takes. */
const MAX_ID = 40

/** The reasoning of a turn that has none, for servers that demand some; not all of them take an empty text. */
const NO_REASONING = ' '

const UNANSWERED = '[this call was not answered]'

/**
 * The history in the order Chat Completions demands: each assistant message is followed at once by one tool message per
 * call, whatever stood between them before.
 */
export function encodeMessages(request: CanonicalRequest, options: EncodeOptions): readonly ChatMessage[] {
  return new History(options).encode(request)
}

class History {
  readonly #options: EncodeOptions
  readonly #out: ChatMessage[] = []
  /** Calls of the last assistant message that have no result yet: their ids on the wire, by the client's. */
  readonly #open = new Map<string, string[]>()
  /** Ids of calls on the wire, and how many calls of the history had each. */
  readonly #used = new Map<string, number>()

  constructor(options: EncodeOptions) {
    this.#options = options
  }

  encode(request: CanonicalRequest): readonly ChatMessage[] {
    this.#system(systemText(request.system))
    const { messages } = request
    for (let from = 0; from < messages.length;) {
      const assistant = messages[from]!.role === 'assistant'
      let to = from + 1
      while (to < messages.length && (messages[to]!.role === 'assistant') === assistant) to++
      const run = from === 0 && to === messages.length ? messages : messages.slice(from, to)
      if (assistant) this.#assistant(run)
      else this.#replies(run)
      from = to
    }
    this.#answerRest()
    if (this.#lastTurn() === undefined) this.#out.push({ role: 'user', content: EMPTY_TURN })
    return this.#out
  }

  #system(content: string): void {
    if (content !== '') this.#out.push({ role: 'system', content })
  }

  /** Assistant messages in a row are one turn. */
  #assistant(run: readonly Message[]): void {
    const said = new Saying()
    const calls: ChatCall[] = []
    const reasoning = { reasoning_content: '', reasoning: '' }
    const details: ReasoningDetail[] = []
    for (const message of run) {
      if (typeof message.content === 'string') {
        said.text(message.content)
        continue
      }
      for (const block of message.content) {
        if (!isKnownBlock(block)) said.description(describeBlock(block))
        else if (block.type === 'text') said.text(block.text)
        else if (block.type === 'tool_use') {
          const name = this.#options.names.toWire(block.name)
          calls.push({
            id: this.#callId(block.id),
            type: 'function',
            function: { name, arguments: writeJson(block.input ?? {}) },
          })
        } else if (block.type === 'thinking') {
          const own = replay(block, this.#options.provider)
          if (own && 'details' in own) details.push(...own.details)
          else if (own) reasoning[own.field] += own.text
        } else if (block.type !== 'redacted_thinking') said.description(describeBlock(block))
      }
    }
    const { content } = said
    if (content === '' && calls.length === 0) return
    const message: { -readonly [Field in keyof AssistantMessage]: AssistantMessage[Field] } = {
      role: 'assistant',
      content: content === '' ? null : content,
    }
    if (!this.#options.refused.has('reasoning_content')) {
      if (reasoning.reasoning_content !== '') message.reasoning_content = reasoning.reasoning_content
      if (reasoning.reasoning !== '') message.reasoning = reasoning.reasoning
      if (details.length > 0) message.reasoning_details = details
      else if (this.#options.refused.has('missing_reasoning') && !message.reasoning)
        message.reasoning_content ??= NO_REASONING
    }
    if (calls.length > 0) message.tool_calls = calls
    this.#out.push(message)
  }

  /** An id that a later call reuses gets a suffix, one that is too long is replaced; the same goes for its result's. */
  #callId(id: string): string {
    let wire = toCallId(id)
    let use = this.#used.get(id) ?? 1
    while (this.#used.has(wire)) wire = toCallId(`${id}_${++use}`)
    this.#used.set(id, use)
    this.#used.set(wire, this.#used.get(wire) ?? 1)
    const same = this.#open.get(id)
    if (same) same.push(wire)
    else this.#open.set(id, [wire])
    return wire
  }

  /** User and system messages up to the next assistant turn. */
  #replies(run: readonly Message[]): void {
    const images: ChatPart[] = []
    const results = new Set<ContentBlock>()
    if (this.#open.size > 0) for (const message of run) this.#results(message, images, results)
    this.#answerRest()
    const before = this.#out.length
    let said = results.size > 0
    let asked = false
    for (const message of run) {
      if (message.role === 'system') {
        this.#midSystem(message)
        continue
      }
      asked = true
      const parts = images.splice(0)
      const { content } = message
      if (typeof content === 'string') parts.push(...toParts({ type: 'text', text: content }, this.#options.refused))
      else for (const block of content) if (!results.has(block)) parts.push(...this.#rest(block))
      if (parts.length === 0) continue
      this.#out.push({ role: 'user', content: toContent(parts) })
      said = true
    }
    if (!asked || said) return
    const turn = this.#lastTurn()
    if (turn === 'assistant' || turn === undefined) this.#out.splice(before, 0, { role: 'user', content: EMPTY_TURN })
  }

  #lastTurn(): string | undefined {
    return this.#out.findLast((message) => message.role !== 'system')?.role
  }

  #results(message: Message, images: ChatPart[], results: Set<ContentBlock>): void {
    if (typeof message.content === 'string') return
    for (const block of message.content) {
      if (!isKnownBlock(block) || block.type !== 'tool_result') continue
      const wires = this.#open.get(block.tool_use_id)
      const wire = wires?.shift()
      if (wire === undefined) continue
      if (wires!.length === 0) this.#open.delete(block.tool_use_id)
      results.add(block)
      this.#out.push({ role: 'tool', tool_call_id: wire, content: resultText(block, images, this.#options.refused) })
    }
  }

  /** What a user message holds beside answers to open calls. */
  #rest(block: ContentBlock): readonly ChatPart[] {
    if (!isKnownBlock(block) || block.type !== 'tool_result') return toParts(block, this.#options.refused)
    const images: ChatPart[] = []
    const text = resultText(block, images, this.#options.refused)
    return [{ type: 'text', text: `[result of the tool call ${block.tool_use_id}]\n${text}` }, ...images]
  }

  #midSystem(message: Message): void {
    const text = systemText(message.content)
    if (text !== '' && this.#options.refused.has('mid_system'))
      this.#out.push({ role: 'user', content: `<system-reminder>\n${text}\n</system-reminder>` })
    else this.#system(text)
  }

  #answerRest(): void {
    for (const wires of this.#open.values())
      for (const wire of wires) this.#out.push({ role: 'tool', tool_call_id: wire, content: UNANSWERED })
    this.#open.clear()
  }
}

/** What an assistant turn says. A description of several lines ends with its last, so that no address in it grows. */
class Saying {
  content = ''
  #apart = false

  text(text: string): void {
    if (text === '') return
    this.content += this.#apart ? `\n${text}` : text
    this.#apart = false
  }

  description(text: string): void {
    this.text(text)
    this.#apart = text.includes('\n')
  }
}

/** An id as it is, or, where it is too long, one that depends on it alone, so that prompts stay cached. */
function toCallId(id: string): string {
  return id.length <= MAX_ID ? id : `call_${createHash('sha256').update(id).digest('hex').slice(0, 32)}`
}

/** The text of a tool result; its images and files go to `images`, because a tool message holds text only. */
function resultText(block: ToolResultBlock, images: ChatPart[], refused: ReadonlySet<Trait>): string {
  let text = ''
  const before = images.length
  if (typeof block.content === 'string') text = block.content
  else {
    let plain = true
    for (const inner of block.content ?? []) {
      const isText = inner.type === 'text'
      for (const part of toParts(inner, refused)) {
        if (part.type !== 'text') images.push(part)
        else text += text === '' || (plain && isText) ? part.text : `\n${part.text}`
      }
      plain = isText
    }
  }
  if (text === '' && images.length > before) text = '[the result is the image below]'
  return failureText(block, text)
}

/** A system prompt as one text, without the billing block. */
function systemText(system: Message['content'] | null | undefined): string {
  return joinSystem(system, BILLING)
}
