import { describeBlock, failureText, isKnownBlock, joinSystem, parseObject } from '@ccr/sdk'
import type {
  CanonicalRequest,
  ContentBlock,
  JsonObject,
  Message,
  ThinkingBlock,
  ToolNames,
  ToolResultBlock,
} from '@ccr/sdk'
import type { Trait } from './adapt.ts'
import { rawPart, toParts } from './content.ts'
import { readCarried, SKIPPED_SIGNATURE, type PartSignature, type SignedPart } from './signatures.ts'
import type { TrailingSignatures } from './trailing-signatures.ts'
import { isFields, type Content, type FunctionResponse, type Part } from './wire.ts'

/** What the encoder of a history needs to know of its attempt. */
export interface HistoryOptions {
  /** Name of the provider, to which alone its own signatures are replayed. */
  readonly provider: string
  readonly names: ToolNames
  readonly trailing: TrailingSignatures
  /** The model demands a signature of function calls and takes media inside of function results. */
  readonly isThird: boolean
  readonly refused: ReadonlySet<Trait>
}

/** A history as this API has it: what the system says, and turns of user and model. */
export interface History {
  readonly system: string
  readonly contents: readonly Content[]
}

/** Says which client sent the request, differs per session, and so would spoil every prompt cache. */
const BILLING = 'x-anthropic-billing-header:'

/** Stands where a turn without content would leave two turns of the model side by side. */
const EMPTY_TURN = '…'

const UNANSWERED = '[this call was not answered]'

/**
 * The history in the order that this API demands: a model turn with calls is followed at once by one user turn with as
 * many results, in the order of the calls.
 */
export function encodeHistory(request: CanonicalRequest, options: HistoryOptions): History {
  return new Encoding(options).encode(request)
}

interface OpenCall {
  readonly id: string
  /** How call and result are named on the wire. */
  readonly wire: { readonly id?: string; readonly name: string }
}

class Encoding {
  readonly #options: HistoryOptions
  readonly #contents: Content[] = []
  readonly #system: string[] = []
  /** Calls of the last model turn, which the next turn must answer. */
  #open: OpenCall[] = []
  /** Ids of calls on the wire. */
  readonly #used = new Set<string>()

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  encode({ system, messages }: CanonicalRequest): History {
    this.#system.push(systemText(system))
    let from = 0
    while (messages[from]?.role === 'system') this.#system.push(systemText(messages[from++]!.content))
    while (from < messages.length) {
      const isModel = messages[from]!.role === 'assistant'
      let to = from + 1
      while (to < messages.length && (messages[to]!.role === 'assistant') === isModel) to++
      const run = messages.slice(from, to)
      if (isModel) this.#model(run, questionBefore(messages, from))
      else this.#user(run)
      from = to
    }
    this.#answer(new Map())
    if (this.#contents.length === 0) this.#contents.push({ role: 'user', parts: [{ text: EMPTY_TURN }] })
    return { system: this.#system.filter((text) => text !== '').join('\n\n'), contents: this.#contents }
  }

  /** Assistant messages in a row are one turn. */
  #model(run: readonly Message[], question: () => readonly Message[]): void {
    const turn = new ModelTurn(this.#options, (call) => this.#call(call))
    for (const { content } of run) {
      if (typeof content === 'string') turn.text(content)
      else for (const block of content) turn.block(block)
    }
    const parts = turn.parts(question)
    if (parts.length === 0) return
    // A history may begin in its middle; a model never speaks first.
    if (this.#contents.length === 0) this.#contents.push({ role: 'user', parts: [{ text: EMPTY_TURN }] })
    this.#contents.push({ role: 'model', parts })
  }

  /** Opens a call; an id that an earlier call had gets a suffix, and so does its result. */
  #call({ id, name }: { readonly id: string; readonly name: string }): OpenCall {
    let unique = id
    for (let use = 2; this.#used.has(unique); use++) unique = `${id}_${use}`
    this.#used.add(unique)
    const { names, refused } = this.#options
    const known = refused.has('call_ids') ? {} : { id: unique }
    const call = { id, wire: { ...known, name: names.toWire(name) } }
    this.#open.push(call)
    return call
  }

  /** User and system messages up to the next turn of the model. */
  #user(run: readonly Message[]): void {
    const results = this.#results(run)
    const taken = new Set<ContentBlock>(results.values())
    const before = this.#contents.length
    const media = this.#answer(results)
    for (const { role, content } of run) {
      const parts: Part[] = media.splice(0)
      if (role === 'system') parts.push(...reminder(systemText(content)))
      else if (typeof content === 'string') parts.push(...toParts({ type: 'text', text: content }))
      else for (const block of content) if (!taken.has(block)) parts.push(...userParts(block))
      if (parts.length > 0) this.#contents.push({ role: 'user', parts })
    }
    if (this.#contents.length === before) this.#contents.push({ role: 'user', parts: [{ text: EMPTY_TURN }] })
  }

  /** The first result of each open call. */
  #results(run: readonly Message[]): Map<OpenCall, ToolResultBlock> {
    const found = new Map<OpenCall, ToolResultBlock>()
    if (this.#open.length === 0) return found
    for (const { role, content } of run) {
      if (role !== 'user' || typeof content === 'string') continue
      for (const block of content) {
        if (!isKnownBlock(block) || block.type !== 'tool_result') continue
        // Calls of one turn may share an id: their results come in their order.
        const call = this.#open.find((one) => one.id === block.tool_use_id && !found.has(one))
        if (call) found.set(call, block)
      }
    }
    return found
  }

  /** Answers every open call, in order; gives the media that results cannot hold. */
  #answer(results: ReadonlyMap<OpenCall, ToolResultBlock>): Part[] {
    const media: Part[] = []
    const parts = this.#open.map((call): Part => {
      const result = results.get(call)
      return { functionResponse: result ? this.#response(call, result, media) : unanswered(call) }
    })
    this.#open = []
    if (parts.length > 0) this.#contents.push({ role: 'user', parts })
    return media
  }

  #response({ wire }: OpenCall, block: ToolResultBlock, media: Part[]): FunctionResponse {
    const { text, rest } = resultParts(block)
    if (rest.length === 0) return { ...wire, response: responseOf(block, text) }
    const { isThird, refused } = this.#options
    const inside = isThird && !refused.has('media_in_results') ? rest.filter((part) => part.inlineData) : []
    const outside = rest.filter((part) => !inside.includes(part))
    media.push(...outside)
    const said = text === '' && outside.length > 0 ? '[the result is below]' : text
    const response = responseOf(block, said)
    return inside.length > 0 ? { ...wire, response, parts: inside } : { ...wire, response }
  }
}

/** The parts of one turn of the model; signatures go back to the very parts that had them. */
class ModelTurn {
  readonly #options: HistoryOptions
  readonly #open: (call: { readonly id: string; readonly name: string }) => OpenCall
  readonly #parts: Part[] = []
  #pending: PartSignature[] = []

  constructor(options: HistoryOptions, open: (call: { readonly id: string; readonly name: string }) => OpenCall) {
    this.#options = options
    this.#open = open
  }

  text(text: string): void {
    if (text !== '') this.#parts.push(this.#signed({ text }, 'text'))
  }

  block(block: ContentBlock): void {
    if (!isKnownBlock(block)) {
      this.#parts.push(rawPart(block) ?? { text: describeBlock(block) })
      return
    }
    switch (block.type) {
      case 'text':
        return this.text(block.text)
      case 'thinking':
        return this.#thinking(block)
      case 'redacted_thinking':
        return
      case 'tool_use': {
        const { wire } = this.#open(block)
        const functionCall = { ...wire, args: argumentsOf(block.input) }
        this.#parts.push(this.#signed({ functionCall }, 'call'))
        return
      }
      case 'image':
        this.#parts.push(...toParts(block).map((part) => this.#signed(part, 'image')))
        return
      default:
        this.#parts.push(...userParts(block))
    }
  }

  /** `question`: what this turn answered. */
  parts(question: () => readonly Message[]): readonly Part[] {
    const last = this.#parts.at(-1)
    if (last?.text && !last.thought && last.thoughtSignature === undefined) {
      const { trailing, provider } = this.#options
      const signature = trailing.find(provider, question, last.text)
      if (signature !== undefined) this.#parts.push({ text: '', thoughtSignature: signature })
    }
    const first = this.#options.isThird ? this.#parts.findIndex((part) => part.functionCall) : -1
    if (first >= 0 && this.#parts[first]!.thoughtSignature === undefined)
      this.#parts[first] = { ...this.#parts[first], thoughtSignature: SKIPPED_SIGNATURE }
    return this.#parts
  }

  /** Reasoning of other vendors, and of another provider of this API, is nobody's business here. */
  #thinking(block: ThinkingBlock): void {
    const carried = readCarried(block)
    if (!carried || (carried.provider ?? this.#options.provider) !== this.#options.provider) return
    const own = carried.signatures.find(({ on }) => on === 'thought')
    const thought: Part = { text: block.thinking, thought: true }
    if (own) this.#parts.push({ ...thought, thoughtSignature: own.signature })
    else if (block.thinking !== '') this.#parts.push(thought)
    for (const { on, signature } of carried.signatures) {
      if (on === 'empty') this.#parts.push({ text: '', thoughtSignature: signature })
      else if (on !== 'thought') this.#pending.push({ on, signature })
    }
  }

  #signed(part: Part, kind: SignedPart): Part {
    const found = this.#pending.find(({ on }) => on === kind)
    // A text that does not follow its signature is another one.
    this.#pending = this.#pending.filter((one) => one !== found && (kind !== 'call' || one.on === 'call'))
    return found ? { ...part, thoughtSignature: found.signature } : part
  }
}

/** The messages between a turn of the model and the one before it. */
export function questionBefore(messages: readonly Message[], end: number): () => readonly Message[] {
  return () => messages.slice(messages.findLastIndex(({ role }, at) => at < end && role === 'assistant') + 1, end)
}

function userParts(block: ContentBlock): readonly Part[] {
  if (!isKnownBlock(block) || block.type !== 'tool_result') return toParts(block)
  const { text, rest } = resultParts(block)
  return [{ text: `[result of the tool call ${block.tool_use_id}]\n${failureText(block, text)}` }, ...rest]
}

/** The text of a tool result, and its parts that are none. */
function resultParts(block: ToolResultBlock): { readonly text: string; readonly rest: readonly Part[] } {
  if (typeof block.content === 'string') return { text: block.content, rest: [] }
  let text = ''
  const rest: Part[] = []
  let plain = true
  for (const inner of block.content ?? []) {
    const isText = inner.type === 'text'
    for (const part of toParts(inner)) {
      if (part.text === undefined) rest.push(part)
      else text += text === '' || (plain && isText) ? part.text : `\n${part.text}`
    }
    plain = isText
  }
  return { text, rest }
}

function responseOf(block: ToolResultBlock, text: string): JsonObject {
  return block.is_error ? { error: text } : { output: text }
}

function unanswered({ wire }: OpenCall): FunctionResponse {
  return { ...wire, response: { error: UNANSWERED } }
}

/** Arguments are an object, whatever a history holds. */
function argumentsOf(input: unknown): JsonObject {
  if (isFields(input)) return input
  if (input === undefined || input === null) return {}
  return (typeof input === 'string' ? parseObject(input) : undefined) ?? { input }
}

/** This API knows no system turn inside of a history. */
function reminder(text: string): readonly Part[] {
  return text === '' ? [] : [{ text: `<system-reminder>\n${text}\n</system-reminder>` }]
}

/** A system prompt as one text, without the billing block. */
function systemText(system: Message['content'] | null | undefined): string {
  return joinSystem(system, BILLING)
}
