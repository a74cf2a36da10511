import type { CanonicalRequest, ContentBlock, Tool } from './canonical.ts'
import { imageTokens, TOKENS_PER_IMAGE } from './image-tokens.ts'

/**
 * A piece of what a model reads: a text, a value that it reads as JSON, or a number of tokens that no tokenizer counts,
 * such as an image's.
 */
export type TokenPart = string | { readonly json: unknown } | number

/** Tokens of a page of a PDF. Source (1,500–3,000): https://docs.anthropic.com/en/docs/build-with-claude/pdf-support */
const TOKENS_PER_PAGE = 2000
/** Bytes of a page, where the file does not show its pages. */
const BYTES_PER_PAGE = 50_000
/** How much of a PDF is looked through for pages, in characters of base64; the rest is taken to be like it. */
const SEEN_OF_PDF = 512 * 1024
/** Thinking that is kept secret: four bytes of it are taken for a token. */
const CHARACTERS_PER_REDACTED_TOKEN = 16 / 3

/**
 * All that a model reads of a request, in order: one list for the system prompt, one for the tools and one for each
 * message, so that a reader may stop or pause between them. The texts alone count, not how a provider frames them.
 * Blocks that are not as they should be give what can be read of them; nothing throws.
 */
export function* tokenParts(request: CanonicalRequest): Generator<readonly TokenPart[], void, undefined> {
  yield contentParts(request.system)
  yield toolsParts(listOf<Tool | null>(request.tools), request.messages)
  for (const message of listOf<Fields>(request.messages)) yield contentParts(message?.['content'])
}

type Fields = { readonly [field: string]: unknown } | null | undefined

function toolsParts(tools: readonly (Tool | null)[], messages: CanonicalRequest['messages']): readonly TokenPart[] {
  const parts: TokenPart[] = []
  // A tool whose loading is put off is no part of the prompt before a result names it.
  const loaded = tools.some((tool) => tool?.defer_loading === true) ? loadedTools(messages) : undefined
  for (const tool of tools) {
    if (typeof tool !== 'object' || tool === null) continue
    if (tool.defer_loading === true && !loaded?.has(tool.name)) continue
    const { name, description, input_schema: schema } = tool
    if (schema === undefined) parts.push({ json: tool })
    else parts.push(textOf(name) + textOf(description), { json: schema })
  }
  return parts
}

function loadedTools(messages: CanonicalRequest['messages']): ReadonlySet<unknown> {
  const names = new Set<unknown>()
  for (const message of listOf<Fields>(messages)) {
    for (const block of listOf<Fields>(message?.['content'])) {
      for (const part of listOf<Fields>(block?.['content'])) {
        if (part?.['type'] === 'tool_reference') names.add(part['tool_name'])
      }
    }
  }
  return names
}

function contentParts(content: unknown, parts: TokenPart[] = []): TokenPart[] {
  if (typeof content === 'string') parts.push(content)
  else for (const block of listOf<Fields>(content)) addBlock(block, parts)
  return parts
}

function addBlock(block: Fields, parts: TokenPart[]): void {
  switch (block?.['type'] as ContentBlock['type'] | undefined) {
    case 'text':
      parts.push(textOf(block!['text']))
      break
    case 'thinking':
      parts.push(textOf(block!['thinking']))
      break
    case 'redacted_thinking':
      parts.push(Math.ceil(textOf(block!['data']).length / CHARACTERS_PER_REDACTED_TOKEN))
      break
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      parts.push(textOf(block!['name']))
      if (block!['input'] !== undefined) parts.push({ json: block!['input'] })
      break
    case 'tool_result':
      contentParts(block!['content'], parts)
      break
    case 'image':
      parts.push(imageBlockTokens(block!['source']))
      break
    case 'document':
      addDocument(block!, parts)
      break
    default:
      if (block !== undefined) parts.push({ json: block })
  }
}

function addDocument({ source, title, context }: NonNullable<Fields>, parts: TokenPart[]): void {
  parts.push(textOf(title), textOf(context))
  const { type, data, content } = (source ?? {}) as NonNullable<Fields>
  if (type === 'text') parts.push(textOf(data))
  else if (type === 'content') contentParts(content, parts)
  else parts.push(TOKENS_PER_PAGE * (type === 'base64' && typeof data === 'string' ? pagesOf(data) : 1))
}

function imageBlockTokens(source: unknown): number {
  const { type, data } = (source ?? {}) as NonNullable<Fields>
  return type === 'base64' && typeof data === 'string' ? imageTokens(data) : TOKENS_PER_IMAGE
}

/** Pages of a PDF: those it shows, or by its size where it packs them. */
function pagesOf(base64: string): number {
  const seen = Buffer.from(base64.slice(0, SEEN_OF_PDF), 'base64').toString('latin1')
  const shown = seen.match(/\/Type\s*\/Page\b/g)?.length
  const whole = Math.max(1, base64.length / SEEN_OF_PDF)
  return Math.max(1, Math.ceil(shown === undefined ? (base64.length * 3) / 4 / BYTES_PER_PAGE : shown * whole))
}

function listOf<T>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
