import type { ContentBlock, Message, ToolResultBlock } from '@ccr/sdk'
import { invalidRequest } from '@ccr/sdk'
import { RAW_PART } from './content.ts'
import { withPart } from './own-words.ts'
import { sign, signatureOf, unwrapSignature, type PartSignature } from './signatures.ts'
import { isFields, type Fields } from './wire.ts'

/** A field under its name, or under the name that it has in the API's own definitions. */
export function field(fields: Fields, name: string): unknown {
  return fields[name] ?? fields[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]
}

/**
 * The turns of a request as canonical messages. Calls and results without an id get one each, and belong together by
 * name and order.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the place by JSON pointer
 */
export function readContents(contents: unknown, at: string): readonly Message[] {
  const list = typeof contents === 'string' || isFields(contents) ? [contents] : contents
  if (!Array.isArray(list)) throw invalidRequest(at, 'must be an array of contents')
  const calls = new CallIds()
  const messages: Message[] = []
  ;(list as readonly unknown[]).forEach((content, index) => {
    const role = isFields(content) && content['role'] === 'model' ? 'assistant' : 'user'
    const parts = partsOf(content, list === contents ? `${at}/${index}` : at)
    const blocks = role === 'assistant' ? modelBlocks(parts, calls) : userBlocks(parts, calls)
    const last = messages.at(-1)
    // A stream that was kept in pieces is one turn.
    if (last?.role === 'assistant' && role === 'assistant')
      messages[messages.length - 1] = { role, content: joined([...(last.content as ContentBlock[]), ...blocks]) }
    else if (blocks.length > 0) messages.push({ role, content: blocks })
  })
  return messages
}

/** The text of a content, such as the system instruction. */
export function readText(content: unknown, at: string): string {
  return partsOf(content, at)
    .map((part) => (typeof part['text'] === 'string' ? part['text'] : ''))
    .join('')
}

function partsOf(content: unknown, at: string): readonly Fields[] {
  if (typeof content === 'string') return [{ text: content }]
  if (!isFields(content)) throw invalidRequest(at, 'must be an object with parts')
  const { parts } = content
  if (parts === undefined || parts === null) return []
  const list: readonly unknown[] = Array.isArray(parts) ? (parts as readonly unknown[]) : [parts]
  return list.map((part, index) => {
    if (typeof part === 'string') return { text: part }
    if (!isFields(part)) throw invalidRequest(`${at}/parts/${index}`, 'must be an object')
    return part
  })
}

function modelBlocks(parts: readonly Fields[], calls: CallIds): ContentBlock[] {
  const blocks: ContentBlock[] = []
  for (const part of parts) {
    const call = field(part, 'functionCall')
    const { text, thought } = part
    const given = signatureOf(part)
    if (isFields(call)) {
      if (given !== undefined) carry(blocks, given, 'call')
      blocks.push(calls.open(call))
    } else if (typeof text !== 'string') blocks.push(...mediaBlocks(part))
    else if (thought === true) readThought(blocks, text, given)
    else if (given !== undefined) {
      carry(blocks, given, text === '' ? 'empty' : 'text')
      if (text !== '') blocks.push({ type: 'text', text })
    } else if (text !== '') blocks.push({ type: 'text', text })
  }
  return joined(blocks)
}

/** Reasoning of another vendor that this router showed gets its own signature back. */
function readThought(blocks: ContentBlock[], thinking: string, given: string | undefined): void {
  const foreign = given === undefined ? undefined : unwrapSignature(given)
  const signatures: PartSignature[] = given === undefined ? [] : [{ on: 'thought', signature: given }]
  blocks.push({ type: 'thinking', thinking, signature: foreign ?? sign({ signatures }) })
}

function carry(blocks: ContentBlock[], given: string, on: PartSignature['on']): void {
  const foreign = unwrapSignature(given)
  blocks.push({
    type: 'thinking',
    thinking: '',
    signature: foreign ?? sign({ signatures: [{ on, signature: given }] }),
  })
}

const UNSIGNED = sign({ signatures: [] })

/** Text and unsigned thoughts that follow each other are one block; an unsigned thought joins the signed one behind. */
function joined(blocks: readonly ContentBlock[]): ContentBlock[] {
  const out: ContentBlock[] = []
  for (const block of blocks) {
    const last = out.at(-1) as Fields | undefined
    const { type, text, thinking, signature } = block as Fields
    if (type === 'text' && last?.['type'] === 'text') {
      out[out.length - 1] = { type: 'text', text: `${last['text'] as string}${text as string}` }
    } else if (type === 'thinking' && last?.['type'] === 'thinking' && last['signature'] === UNSIGNED) {
      out[out.length - 1] = {
        type: 'thinking',
        thinking: `${last['thinking'] as string}${thinking as string}`,
        signature: signature as string,
      }
    } else out.push(block)
  }
  return out
}

/** Results come first, as the canonical form demands. */
function userBlocks(parts: readonly Fields[], calls: CallIds): ContentBlock[] {
  const results: ContentBlock[] = []
  const rest: ContentBlock[] = []
  for (const part of parts) {
    const response = field(part, 'functionResponse')
    if (isFields(response)) results.push(calls.answer(response))
    else if (typeof part['text'] !== 'string') rest.push(...mediaBlocks(part))
    else if (part['text'] !== '') rest.push({ type: 'text', text: part['text'] })
  }
  return [...results, ...rest]
}

function mediaBlocks(part: Fields): readonly ContentBlock[] {
  const inline = field(part, 'inlineData')
  const file = field(part, 'fileData')
  if (isFields(inline) && typeof inline['data'] === 'string') {
    const type = mediaType(inline) ?? 'application/octet-stream'
    return [media(type, withPart({ type: 'base64', media_type: type, data: inline['data'] }, part))]
  }
  const uri = isFields(file) ? field(file, 'fileUri') : undefined
  if (isFields(file) && typeof uri === 'string') {
    const type = mediaType(file) ?? 'image/*'
    const source = type.startsWith('image/') ? { type: 'url', url: uri } : { type: 'url', url: uri, media_type: type }
    return [media(type, withPart(source, part))]
  }
  return Object.keys(part).length === 0 ? [] : [{ type: RAW_PART, part }]
}

function mediaType(fields: Fields): string | undefined {
  const type = field(fields, 'mimeType')
  return typeof type === 'string' && type !== '' ? type : undefined
}

function media(type: string, source: Fields): ContentBlock {
  return { type: type.startsWith('image/') ? 'image' : 'document', source } as ContentBlock
}

interface Call {
  readonly id: string
  readonly name: string
}

/** The ids of calls, and which results answer them. An invented id depends on the place of its call alone. */
class CallIds {
  #open: Call[] = []
  #count = 0

  open(call: Fields): ContentBlock {
    const { id: given, name: called, args } = call
    const name = typeof called === 'string' ? called : ''
    const id = typeof given === 'string' && given !== '' ? given : `call_${++this.#count}`
    this.#open.push({ id, name })
    return { type: 'tool_use', id, name, input: isFields(args) ? args : {} }
  }

  answer(response: Fields): ToolResultBlock {
    const { id: given, name } = response
    const at = this.#open.findIndex((call) =>
      typeof given === 'string' && given !== '' ? call.id === given : call.name === name,
    )
    const [call] = at < 0 ? [] : this.#open.splice(at, 1)
    const id = call?.id ?? (typeof given === 'string' && given !== '' ? given : `call_${++this.#count}`)
    return { type: 'tool_result', tool_use_id: id, ...resultOf(response) }
  }
}

/** What a function gave: `output` or `error` when it says so, the whole object otherwise. */
function resultOf(response: Fields): Pick<ToolResultBlock, 'content' | 'is_error'> {
  const given = isFields(response['response']) ? response['response'] : {}
  const isError = 'error' in given
  const value = isError ? given['error'] : 'output' in given ? given['output'] : given
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  const parts = response['parts']
  const blocks = Array.isArray(parts) ? (parts as readonly unknown[]).filter(isFields).flatMap(mediaBlocks) : []
  const content = blocks.length === 0 ? text : [...(text === '' ? [] : [{ type: 'text' as const, text }]), ...blocks]
  return isError ? { content, is_error: true } : { content }
}
