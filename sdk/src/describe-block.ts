import type { ContentBlock } from './canonical.ts'
import { isObject } from './is-object.ts'

/** What a block says that a protocol has no form for, as text, so that nothing vanishes. */
export function describeBlock(block: ContentBlock): string {
  const { content = [], ...fields } = block as Readonly<Record<string, unknown>>
  switch (block.type) {
    case 'tool_reference':
      return `[tool ${textOf(fields['tool_name'])}]`
    case 'search_result':
      return `[search result: ${textOf(fields['title'])} ${textOf(fields['source'])}]\n${plainText(content)}`
    case 'server_tool_use':
      return `[${textOf(fields['name'])} ${JSON.stringify(fields['input'] ?? {})}]`
    default:
  }
  const lines = Array.isArray(content) ? content.map(describeResult).filter((line) => line !== '') : []
  return lines.length > 0
    ? `[${block.type}]\n${lines.join('\n')}`
    : `[content of type ${block.type} cannot be shown to this model]`
}

/** The text of a string or of the blocks of a list. */
function plainText(content: unknown): string {
  if (typeof content === 'string') return content
  const blocks = Array.isArray(content) ? (content as readonly ContentBlock[]).filter(isObject) : []
  return blocks
    .map((block) => (block.type === 'text' ? textOf((block as { text?: unknown }).text) : describeBlock(block)))
    .join('')
}

function describeResult(result: unknown): string {
  if (!isObject(result)) return ''
  return [result['title'], result['url'], result['text']].filter((part) => textOf(part) !== '').join(' ')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
