import { parseObject, writeJson, type ContentBlock } from '@ccr/sdk'
import { isRefusal, itemOf, phaseOf } from './original.ts'
import { annotationOf } from './own-citations.ts'
import type { OwnTools } from './own-tools.ts'
import { wrapSignature } from './reasoning.ts'
import { fieldsOf, textOf, type Fields } from './wire.ts'

/** What becomes of a block: `own` is an item of this dialect as it was, `hidden` has no form here. */
export type OutputKind = 'message' | 'reasoning' | 'call' | 'search' | 'image' | 'own' | 'hidden'

/** An output item while it is written. */
export interface OutputItem {
  readonly kind: OutputKind
  readonly id: string
  /** Its place in the answer. */
  readonly index: number
  readonly block: ContentBlock
  /** Its text, thinking or arguments so far. */
  readonly pieces: string[]
  /** What its text cites; a citation may come before the text. */
  readonly citations: unknown[]
  signature: string
}

/** Beginnings of the ids of items. */
export const PREFIXES: Readonly<Record<Exclude<OutputKind, 'hidden'>, string>> = {
  message: 'msg_',
  reasoning: 'rs_',
  call: 'fc_',
  search: 'ws_',
  image: 'ig_',
  own: 'item_',
}

export function kindOf(block: ContentBlock): OutputKind {
  if (itemOf(block)) return 'own'
  switch (block.type) {
    case 'text':
      return 'message'
    case 'thinking':
    case 'redacted_thinking':
      return 'reasoning'
    case 'tool_use':
      return 'call'
    case 'server_tool_use':
      return fieldsOf(block)['name'] === 'web_search' ? 'search' : 'hidden'
    case 'image':
      return imageData(block) === undefined ? 'message' : 'image'
    default:
      return 'hidden'
  }
}

/** What a block of a message says when it begins; an image that is only an address is named. */
export function firstText(block: ContentBlock): string {
  const { type, text, source } = fieldsOf(block)
  return type === 'image' ? `[image ${textOf(fieldsOf(source)['url'])}]` : textOf(text)
}

/** The image of a block that holds one. */
function imageData(block: ContentBlock): string | undefined {
  const { type, data } = fieldsOf(fieldsOf(block)['source'])
  return type === 'base64' && typeof data === 'string' ? data : undefined
}

/** An item as it is announced (`in_progress`) or as it ended. */
export function toItem(open: OutputItem, status: 'in_progress' | 'completed', tools: OwnTools): Fields {
  const { id, block } = open
  const done = status === 'completed'
  const text = done ? open.pieces.join('') : ''
  switch (open.kind) {
    case 'message': {
      const phase = phaseOf(block)
      const content = done ? [textPart(block, text, toAnnotations(open.citations, text))] : []
      return { id, type: 'message', status, role: 'assistant', content, ...(phase !== undefined && { phase }) }
    }
    case 'reasoning': {
      const summary = text === '' ? [] : [summaryPart(text)]
      return { id, type: 'reasoning', summary, ...(done && { encrypted_content: encryptedOf(open) }) }
    }
    case 'call':
      return callItem(open, status, tools)
    case 'search': {
      const input = text === '' ? fieldsOf(fieldsOf(block)['input']) : fieldsOf(parseObject(text))
      return { id, type: 'web_search_call', status, action: { type: 'search', query: textOf(input['query']) } }
    }
    case 'image':
      return { id, type: 'image_generation_call', status, result: done ? imageData(block) : null }
    default:
      return itemOf(block) ?? {}
  }
}

/** The call is one of a custom tool, whose input is free text. */
export function isCustom({ kind, block }: OutputItem, tools: OwnTools): boolean {
  return kind === 'call' && tools.byName.get(textOf(fieldsOf(block)['name']))?.kind === 'custom'
}

function callItem({ id, block, pieces }: OutputItem, status: string, tools: OwnTools): Fields {
  const { id: call_id, name, input } = fieldsOf(block)
  const own = tools.byName.get(textOf(name))
  const named = {
    call_id,
    name: own?.name ?? name,
    ...(own?.namespace !== undefined && { namespace: own.namespace }),
  }
  const text = pieces.join('')
  const whole = status === 'in_progress' ? '' : text === '' ? writeJson(input ?? {}) : text
  if (own?.kind !== 'custom') return { id, type: 'function_call', status, arguments: whole, ...named }
  const free = parseObject(whole)?.['input']
  return { id, type: 'custom_tool_call', status, input: typeof free === 'string' ? free : whole, ...named }
}

export function textPart(block: ContentBlock, text: string, annotations: readonly Fields[]): Fields {
  if (isRefusal(block)) return { type: 'refusal', refusal: text }
  return { type: 'output_text', text, annotations, logprobs: [] }
}

export function summaryPart(text: string): Fields {
  return { type: 'summary_text', text }
}

function encryptedOf({ block, signature }: OutputItem): string | null {
  if (block.type === 'redacted_thinking') return wrapSignature('redacted', textOf(fieldsOf(block)['data']))
  return signature === '' ? null : wrapSignature('signature', signature)
}

/** Citations of a text, as annotations; those of other vendors do not say where in the text they belong. */
export function toAnnotations(citations: readonly unknown[], text: string): readonly Fields[] {
  return citations.flatMap((citation) => {
    const own = annotationOf(citation)
    if (own) return [own]
    const { url, title } = fieldsOf(citation)
    if (typeof url !== 'string') return []
    return [{ type: 'url_citation', url, title: textOf(title) || url, start_index: 0, end_index: text.length }]
  })
}
