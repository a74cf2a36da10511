import { type CanonicalRequest, isObject, type Message } from '@ccr/sdk'
import type { ChatBody, ChatMessage, ChatPart } from './chat-body.ts'

/** How a prompt is marked as far as it may be cached. */
interface CacheControl {
  readonly type: 'ephemeral'
  readonly ttl?: string
}

/** A mark, and where it stands: behind a message, or inside the text of one. */
interface Mark {
  readonly message: number
  readonly control: CacheControl
  /** Where the text ends that it stands behind; at the end of the message unless given. */
  readonly end?: number | undefined
}

/** Models that cache nothing which is not marked. Source: https://openrouter.ai/docs/features/prompt-caching */
const CLAUDE = /\bclaude\b|^anthropic\//i

/**
 * Models of which the last mark alone counts, and is paid for: one behind the system prompt, which stays, is worth it,
 * one behind each new message is not. What is not marked they cache by themselves.
 */
const GEMINI = /\bgemini\b/i

/** Most marks that are accepted. */
const MOST = 4

/** Stands between two blocks of a system prompt that is one text. */
const BETWEEN = '\n\n'

/** Whether the client marked its prompt, and the model heeds it. */
export function hasCacheMarks({ model, ccr_request: request }: ChatBody): boolean {
  if (request === undefined || !(CLAUDE.test(model) || GEMINI.test(model))) return false
  return controlOf(request) !== undefined || controlIn(request.system) !== undefined || request.messages.some(isMarked)
}

/**
 * A request whose messages are marked where the client marked what they were made of: its blocks are in order, those of
 * a system prompt joined, those of other messages between the same turns of the model.
 */
export function withCacheMarks(body: ChatBody): ChatBody {
  const { model, messages, ccr_request: request } = body
  if (request === undefined) return body
  const system = systemMarks(messages[0], request.system)
  if (!CLAUDE.test(model)) return { ...body, messages: marked(messages, system.slice(-1)) }
  const marks = [...system, ...messageMarks(messages, request)]
  const kept = marks.length > MOST ? [marks[0]!, ...marks.slice(1 - MOST)] : marks
  const control = controlOf(request)
  return { ...body, messages: marked(messages, kept), ...(control && { cache_control: control }) }
}

function isMarked({ content }: Message): boolean {
  return controlIn(content) !== undefined
}

/** What the last marked block says. */
function controlIn(blocks: unknown): CacheControl | undefined {
  if (!Array.isArray(blocks)) return undefined
  return blocks.map(controlOf).findLast((control) => control !== undefined)
}

function controlOf(holder: unknown): CacheControl | undefined {
  const control = isObject(holder) ? holder['cache_control'] : undefined
  if (!isObject(control) || control['type'] !== 'ephemeral') return undefined
  const ttl = control['ttl']
  return ttl === '5m' || ttl === '1h' ? { type: 'ephemeral', ttl } : { type: 'ephemeral' }
}

/** Finds the blocks of a system prompt in its text; one that is not there next was left out of it. */
function systemMarks(first: ChatMessage | undefined, system: CanonicalRequest['system']): readonly Mark[] {
  const last = controlIn(system)
  if (!last || first?.role !== 'system' || typeof first.content !== 'string') return []
  const text = first.content
  const marks: Mark[] = []
  let end = -BETWEEN.length
  for (const block of system as readonly unknown[]) {
    const said = isObject(block) ? block['text'] : undefined
    const from = end + BETWEEN.length
    if (typeof said === 'string' && said !== '' && text.startsWith(said, from)) end = from + said.length
    const control = controlOf(block)
    if (control && end > 0 && marks.at(-1)?.end !== end) marks.push({ message: 0, control, end })
  }
  // Somebody has written another one.
  return end === text.length ? marks : [{ message: 0, control: last }]
}

/** What follows each other without a turn of the model between, or is one. */
interface Run {
  readonly assistant: boolean
  /** The last of its messages. */
  readonly last: number
}

function messageMarks(
  messages: readonly ChatMessage[],
  { system, messages: given }: CanonicalRequest,
): readonly Mark[] {
  const asked = runsOf(given, 0)
  const sent = runsOf(messages, messages[0]?.role === 'system' && system?.length ? 1 : 0)
  const same = asked.length === sent.length && asked.every((run, at) => run.assistant === sent[at]!.assistant)
  const marks = new Map<number, Mark>()
  asked.forEach((run, at) => {
    const own = given.slice((asked[at - 1]?.last ?? -1) + 1, run.last + 1)
    const control = own.map(({ content }) => controlIn(content)).findLast((one) => one !== undefined)
    // Where turns were left out or put in, only the last one is surely the same.
    const place = same ? sent[at] : at === asked.length - 1 && !run.assistant ? sent.at(-1) : undefined
    if (!control || !place || place.assistant !== run.assistant) return
    // A turn that only calls has no text that could be marked; what it answers has.
    const message = isMarkable(messages[place.last]) ? place.last : place.last - 1
    if (isMarkable(messages[message])) marks.set(message, { message, control })
  })
  return [...marks.values()]
}

function runsOf(messages: readonly { readonly role: string }[], from: number): readonly Run[] {
  const runs: Run[] = []
  for (let at = from; at < messages.length; at++) {
    const assistant = messages[at]!.role === 'assistant'
    if (runs.at(-1)?.assistant === assistant) runs.pop()
    runs.push({ assistant, last: at })
  }
  return runs
}

/** Only text can be marked. */
function isMarkable(message: ChatMessage | undefined): boolean {
  const content = message?.content
  if (typeof content === 'string') return content !== ''
  return Array.isArray(content) && (content as readonly ChatPart[]).some(isText)
}

function isText({ type, text }: ChatPart): boolean {
  return type === 'text' && typeof text === 'string' && text !== ''
}

function marked(messages: readonly ChatMessage[], marks: readonly Mark[]): readonly ChatMessage[] {
  return messages.map((message, at) => {
    const own = marks.filter((mark) => mark.message === at)
    return own.length === 0 ? message : { ...message, content: markedContent(message.content ?? '', own) }
  })
}

function markedContent(content: string | readonly ChatPart[], marks: readonly Mark[]): readonly ChatPart[] {
  if (typeof content !== 'string') {
    const last = content.findLastIndex(isText)
    return content.with(last, { ...content[last]!, cache_control: marks[0]!.control })
  }
  const parts: ChatPart[] = []
  let from = 0
  for (const { end = content.length, control } of marks) {
    parts.push({ type: 'text', text: content.slice(from, end), cache_control: control })
    from = end + BETWEEN.length
  }
  return from < content.length ? [...parts, { type: 'text', text: content.slice(from) }] : parts
}
