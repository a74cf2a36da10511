import { createHash } from 'node:crypto'
import { describeBlock, failureText, isKnownBlock, joinSystem, writeJson } from '@ccr/sdk'
import type { CanonicalRequest, ContentBlock, Message, ToolResultBlock } from '@ccr/sdk'
import { toParts, type ContentLimits } from './content.ts'
import type { EncodeOptions } from './encode-options.ts'
import { itemOf, phaseOf } from './original.ts'
import type { OwnTools } from './own-tools.ts'
import { itemsOf, keyOf } from './reasoning.ts'
import { fieldsOf, textOf, type InputItem, type InputPart, type ReasoningItem } from './wire.ts'

/** Says which client sent the request, differs per session, and so would spoil every prompt cache. */
const BILLING = 'x-anthropic-billing-header:'

/** Stands where nothing else was said. */
const EMPTY_TURN = '…'

const UNANSWERED = '[this call was not answered]'

/** Longest id of a call that OpenAI takes. */
const MAX_ID = 64

/** The history as items: messages, reasoning before what it led to, calls, and their results directly behind them. */
export function encodeInput(
  request: CanonicalRequest,
  tools: OwnTools,
  native: boolean,
  options: EncodeOptions,
): readonly InputItem[] {
  return new History(tools, native, options).encode(request.messages)
}

/** A system prompt as one text, without the billing block. */
export function systemText(system: Message['content'] | null | undefined): string {
  return joinSystem(system, BILLING)
}

interface OpenCall {
  readonly id: string
  readonly wire: string
  readonly custom: boolean
}

class History {
  readonly #tools: OwnTools
  readonly #options: EncodeOptions
  readonly #limits: ContentLimits
  readonly #out: InputItem[] = []
  /** Calls of the last assistant turn that have no result yet. */
  #open: OpenCall[] = []
  /** Ids of calls on the wire. */
  readonly #used = new Set<string>()
  #messages = 0

  constructor(tools: OwnTools, native: boolean, options: EncodeOptions) {
    this.#tools = tools
    this.#options = options
    this.#limits = { fileIds: native, files: !options.refused.has('files') }
  }

  encode(messages: readonly Message[]): readonly InputItem[] {
    for (let from = 0; from < messages.length;) {
      const assistant = messages[from]!.role === 'assistant'
      let to = from + 1
      while (to < messages.length && (messages[to]!.role === 'assistant') === assistant) to++
      const run = messages.slice(from, to)
      if (assistant) this.#assistant(run)
      else this.#replies(run)
      from = to
    }
    this.#answerRest()
    if (this.#out.length === 0) this.#user([{ type: 'input_text', text: EMPTY_TURN }])
    return this.#out
  }

  /** Assistant messages in a row are one turn. */
  #assistant(run: readonly Message[]): void {
    let text = ''
    // A description of several lines ends with its last, so that no address in it grows.
    let apart = false
    let phase: string | undefined
    let reasoning: ReasoningItem[] = []
    const said = (): void => {
      if (text === '') return
      this.#lead(reasoning)
      reasoning = []
      this.#out.push({
        type: 'message',
        id: `msg_${++this.#messages}`,
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [] }],
        ...(phase !== undefined && { phase }),
      })
      text = ''
      apart = false
    }
    for (const block of run.flatMap(blocksOf)) {
      const item = itemOf(block)
      if (!item && block.type !== 'tool_use' && block.type !== 'thinking' && block.type !== 'redacted_thinking') {
        if (phaseOf(block) !== phase) said()
        phase = phaseOf(block)
        const isText = isKnownBlock(block) && block.type === 'text'
        const piece = isText ? block.text : describeBlock(block)
        text += apart && piece !== '' ? `\n${piece}` : piece
        if (piece !== '') apart = !isText && piece.includes('\n')
        continue
      }
      said()
      if (item) {
        this.#lead(reasoning.splice(0))
        this.#out.push(item as InputItem)
      } else if (isKnownBlock(block) && block.type === 'tool_use') {
        this.#lead(reasoning.splice(0))
        this.#call(block.id, block.name, block.input)
      } else if (isKnownBlock(block) && block.type === 'thinking') {
        const items = itemsOf(block.signature, this.#options.provider)
        reasoning.push(...items.filter((own) => !this.#options.isUnreadable(keyOf(own))))
      }
    }
    said()
  }

  /** Reasoning goes before what it led to; where it led to nothing, it is refused. */
  #lead(reasoning: readonly ReasoningItem[]): void {
    this.#out.push(...reasoning)
  }

  #call(id: string, name: string, input: unknown): void {
    const own = this.#tools.byName.get(name)
    const custom = own?.kind === 'custom'
    const call_id = this.#callId(id, custom)
    if (custom) {
      const free = textOf(fieldsOf(input)['input'])
      this.#out.push({ type: 'custom_tool_call', call_id, name: own.name, input: free })
      return
    }
    this.#out.push({
      type: 'function_call',
      call_id,
      name: own?.name ?? this.#options.names.toWire(name),
      arguments: writeJson(input ?? {}),
      ...(own?.namespace !== undefined && { namespace: own.namespace }),
    })
  }

  /** An id that a later call reuses gets a suffix, one that is too long is replaced; the same goes for its result's. */
  #callId(id: string, custom: boolean): string {
    const short = id.length <= MAX_ID - 4 ? id : `call_${createHash('sha256').update(id).digest('hex').slice(0, 32)}`
    let wire = short
    for (let use = 2; this.#used.has(wire); use++) wire = `${short}_${use}`
    this.#used.add(wire)
    this.#open.push({ id, wire, custom })
    return wire
  }

  /** User and system messages up to the next assistant turn. */
  #replies(run: readonly Message[]): void {
    const results = new Set<ContentBlock>()
    const images: InputPart[] = []
    if (this.#open.length > 0) for (const message of run) this.#results(message, results, images)
    this.#answerRest()
    if (images.length > 0) this.#user(images)
    let said = results.size > 0
    for (const message of run) {
      if (message.role === 'system') {
        this.#midSystem(message)
        continue
      }
      let parts: InputPart[] = []
      for (const block of blocksOf(message)) {
        const item = itemOf(block)
        if (item) {
          this.#user(parts)
          parts = []
          this.#out.push(item as InputItem)
          said = true
        } else if (!results.has(block)) parts.push(...this.#rest(block))
      }
      if (parts.length > 0) said = true
      this.#user(parts)
    }
    if (!said && run.some(({ role }) => role === 'user')) this.#user([{ type: 'input_text', text: EMPTY_TURN }])
  }

  #user(content: readonly InputPart[]): void {
    if (content.length > 0) this.#out.push({ type: 'message', role: 'user', content })
  }

  #results(message: Message, results: Set<ContentBlock>, images: InputPart[]): void {
    for (const block of blocksOf(message)) {
      if (!isKnownBlock(block) || block.type !== 'tool_result') continue
      const at = this.#open.findIndex((call) => call.id === block.tool_use_id)
      if (at < 0) continue
      const [call] = this.#open.splice(at, 1)
      results.add(block)
      const output = this.#output(block)
      if (typeof output === 'string' || !this.#options.refused.has('tool_images')) this.#answer(call!, output)
      else {
        images.push(...output.filter(({ type }) => type !== 'input_text'))
        const text = output.map((part) => (part.type === 'input_text' ? part.text : '')).join('')
        this.#answer(call!, text === '' ? '[the result is the image below]' : text)
      }
    }
  }

  #answer({ wire, custom }: OpenCall, output: string | readonly InputPart[]): void {
    this.#out.push({ type: custom ? 'custom_tool_call_output' : 'function_call_output', call_id: wire, output })
  }

  #answerRest(): void {
    for (const call of this.#open) this.#answer(call, UNANSWERED)
    this.#open = []
  }

  /** What a tool gave: text alone as a string, which every server accepts, else its parts in order. */
  #output(block: ToolResultBlock): string | readonly InputPart[] {
    const { content } = block
    const parts = typeof content === 'string' ? undefined : (content ?? []).flatMap((inner) => this.#parts(inner))
    const plain = parts?.every(({ type }) => type === 'input_text')
    const text =
      parts === undefined
        ? (content as string)
        : parts.map((part) => (part.type === 'input_text' ? part.text : '')).join('')
    const told = failureText(block, text)
    if (parts === undefined || plain) return told
    return told !== text ? [{ type: 'input_text', text: 'Error:' }, ...parts] : parts
  }

  /** What a user message holds beside answers to open calls. */
  #rest(block: ContentBlock): readonly InputPart[] {
    if (!isKnownBlock(block) || block.type !== 'tool_result') return this.#parts(block)
    const output = this.#output(block)
    const parts: readonly InputPart[] = typeof output === 'string' ? [{ type: 'input_text', text: output }] : output
    return [{ type: 'input_text', text: `[result of the tool call ${block.tool_use_id}]` }, ...parts]
  }

  #parts(block: ContentBlock): readonly InputPart[] {
    return toParts(block, this.#limits)
  }

  #midSystem(message: Message): void {
    const text = systemText(message.content)
    if (text === '') return
    if (!this.#options.refused.has('mid_system')) this.#out.push({ type: 'message', role: 'system', content: text })
    else this.#user([{ type: 'input_text', text: `<system-reminder>\n${text}\n</system-reminder>` }])
  }
}

function blocksOf({ content }: Message): readonly ContentBlock[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}
