import { parseObject, signReasoning, writeJson, type ContentBlock, type Message, type TextBlock } from '@ccr/sdk'
import { checkFields, checkString, invalid } from './check.ts'
import { fromClientDetails } from './client-details.ts'
import { withDetail } from './image-detail.ts'
import { FAMILY } from './reasoning.ts'

type Fields = Readonly<Record<string, unknown>>

/** A client of this protocol does not say whose reasoning it replays, only that it is not Anthropic's. */
const SIGNATURE = signReasoning({ family: FAMILY, payload: '' })

/** Call ids of the older form, which has none. */
const FUNCTION_CALL = 'function_call'

/** The messages of a Chat Completions request in canonical form; system messages at its head are the system prompt. */
export function readMessages(messages: unknown): {
  readonly system: string | readonly TextBlock[] | undefined
  readonly messages: readonly Message[]
} {
  if (!Array.isArray(messages) || messages.length === 0) throw invalid('/messages', 'an array of at least one message')
  const reader = new MessageReader()
  for (let index = 0; index < messages.length; index++) {
    const message: unknown = messages[index]
    checkFields(message, `/messages/${index}`)
    reader.add(message as Fields, `/messages/${index}`)
  }
  return { system: reader.system, messages: reader.messages }
}

class MessageReader {
  readonly messages: Message[] = []
  readonly #system: TextBlock[] = []
  /** Results of the turn that is being read: tool messages in a row become one user message. */
  #results: ContentBlock[] | undefined

  get system(): string | readonly TextBlock[] | undefined {
    if (this.#system.length === 0) return undefined
    return this.#system.length === 1 ? this.#system[0]!.text : this.#system
  }

  add(message: Fields, at: string): void {
    const { role, content } = message
    if (role !== 'tool' && role !== 'function') this.#results = undefined
    switch (role) {
      case 'system':
      case 'developer': {
        const blocks = readText(content, `${at}/content`)
        if (this.messages.length === 0) this.#system.push(...blocks)
        else this.#push('system', blocks)
        return
      }
      case 'user':
        return this.#push('user', readUser(content, `${at}/content`))
      case 'assistant':
        return this.#push('assistant', readAssistant(message, at))
      case 'tool':
        checkString(message['tool_call_id'], `${at}/tool_call_id`)
        return this.#result(message['tool_call_id'] as string, content, at)
      case 'function':
        return this.#result(FUNCTION_CALL, content, at)
      default:
        throw invalid(`${at}/role`, 'system, developer, user, assistant or tool')
    }
  }

  /** A message without content says nothing, but the user’s is a turn: without it the model would go on. */
  #push(role: Message['role'], blocks: readonly ContentBlock[]): void {
    if (blocks.length === 0) {
      if (role === 'user') this.messages.push({ role, content: '' })
      return
    }
    const only = blocks.length === 1 ? blocks[0]! : undefined
    this.messages.push({ role, content: only?.type === 'text' ? (only as TextBlock).text : blocks })
  }

  #result(tool_use_id: string, given: unknown, at: string): void {
    const blocks = readUser(given ?? '', `${at}/content`)
    const [only] = blocks
    const content = blocks.length === 0 ? '' : blocks.length === 1 && only!.type === 'text' ? textOf(only!) : blocks
    const block: ContentBlock = { type: 'tool_result', tool_use_id, content }
    if (this.#results) return void this.#results.push(block)
    this.#results = [block]
    this.messages.push({ role: 'user', content: this.#results })
  }
}

function textOf(block: ContentBlock): string {
  return (block as TextBlock).text
}

/** Content that may hold text alone. */
function readText(content: unknown, at: string): readonly TextBlock[] {
  return readParts(content, at, (part, place) => {
    if (part['type'] !== 'text') throw invalid(`${place}/type`, '"text"')
    checkString(part['text'], `${place}/text`)
    return { type: 'text', text: part['text'] as string }
  })
}

function readUser(content: unknown, at: string): readonly ContentBlock[] {
  return readParts(content, at, (part, place): ContentBlock => {
    switch (part['type']) {
      case 'text':
        checkString(part['text'], `${place}/text`)
        return { type: 'text', text: part['text'] as string }
      case 'image_url':
        return readImage(part['image_url'], `${place}/image_url`)
      case 'file':
        checkFields(part['file'], `${place}/file`)
        return readFile(part['file'] as Fields)
      case 'input_audio':
        checkFields(part['input_audio'], `${place}/input_audio`)
        return { type: 'input_audio', input_audio: part['input_audio'] }
      default:
        throw invalid(`${place}/type`, 'text, image_url, file or input_audio')
    }
  })
}

function readParts<Block extends ContentBlock>(
  content: unknown,
  at: string,
  read: (part: Fields, at: string) => Block | TextBlock,
): readonly (Block | TextBlock)[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  if (!Array.isArray(content)) throw invalid(at, 'a string or an array')
  const blocks: (Block | TextBlock)[] = []
  for (let index = 0; index < content.length; index++) {
    const part: unknown = content[index]
    checkFields(part, `${at}/${index}`)
    const block = read(part as Fields, `${at}/${index}`)
    if (block.type !== 'text' || block.text !== '') blocks.push(block)
  }
  return blocks
}

const DATA_URL = /^data:([^,;]*)(?:;[^,;]*)*?(;base64)?,/i

function readImage(image: unknown, at: string): ContentBlock {
  checkFields(image, at)
  const { url, detail } = image as Fields
  checkString(url, `${at}/url`)
  const data = readDataUrl(url as string)
  const source = data
    ? { type: 'base64', media_type: data.mediaType || 'image/png', data: data.base64 }
    : { type: 'url', url }
  return { type: 'image', source: withDetail(source, detail) }
}

/** Files with their bytes are documents; others keep their form, which targets of this protocol understand. */
function readFile(file: Fields): ContentBlock {
  const { file_data, filename } = file
  const data = typeof file_data === 'string' ? readDataUrl(file_data) : undefined
  if (!data) return { type: 'file', file }
  const { mediaType: media_type, base64 } = data
  const title = typeof filename === 'string' ? { title: filename } : undefined
  if (!media_type.startsWith('text/'))
    return { type: 'document', source: { type: 'base64', media_type, data: base64 }, ...title }
  const text = Buffer.from(base64, 'base64').toString('utf8')
  return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title }
}

function readDataUrl(url: string): { readonly mediaType: string; readonly base64: string } | undefined {
  const head = DATA_URL.exec(url)
  return head?.[2] ? { mediaType: head[1]!, base64: url.slice(head[0].length) } : undefined
}

/** Reasoning, text, calls: the order in which they are made. */
function readAssistant(message: Fields, at: string): readonly ContentBlock[] {
  const { content, refusal, reasoning_content, reasoning, reasoning_details, tool_calls, function_call } = message
  const blocks: ContentBlock[] = []
  const said = reasoning_content || reasoning
  const thinking = typeof said === 'string' ? said : ''
  const detailed = fromClientDetails(reasoning_details, thinking)
  if (detailed) blocks.push(detailed)
  else if (thinking !== '') blocks.push({ type: 'thinking', thinking, signature: SIGNATURE })
  if (content !== null && content !== undefined) blocks.push(...readSaid(content, `${at}/content`))
  if (typeof refusal === 'string' && refusal !== '') blocks.push({ type: 'text', text: refusal })
  if (function_call !== null && function_call !== undefined)
    blocks.push(readCall(FUNCTION_CALL, function_call, `${at}/function_call`))
  if (tool_calls === null || tool_calls === undefined) return blocks
  if (!Array.isArray(tool_calls)) throw invalid(`${at}/tool_calls`, 'an array')
  tool_calls.forEach((call: unknown, index) => {
    const place = `${at}/tool_calls/${index}`
    checkFields(call, place)
    const { id, function: called } = call as Fields
    checkString(id, `${place}/id`)
    blocks.push(readCall(id as string, called, `${place}/function`))
  })
  return blocks
}

function readSaid(content: unknown, at: string): readonly TextBlock[] {
  return readParts(content, at, (part, place) => {
    const field = part['type'] === 'refusal' ? 'refusal' : 'text'
    if (part['type'] !== field) throw invalid(`${place}/type`, 'text or refusal')
    checkString(part[field], `${place}/${field}`)
    return { type: 'text', text: part[field] as string }
  })
}

/** Arguments that are no JSON object are kept as text: a model that once wrote such must not block its history. */
function readCall(id: string, called: unknown, at: string): ContentBlock {
  checkFields(called, at)
  const { name, arguments: given } = called as Fields
  checkString(name, `${at}/name`)
  const text = typeof given === 'string' ? given : writeJson(given ?? {})
  const input = parseObject(text) ?? (text.trim() === '' ? {} : { arguments: text })
  return { type: 'tool_use', id, name: name as string, input }
}
