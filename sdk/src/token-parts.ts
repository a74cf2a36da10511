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
/**
 * How much of the files of a request is looked through for pages and sizes, in characters of base64: a megabyte takes
 * some 5 ms. What lies behind is taken to be like it, or judged by its length.
 */
const MOST_SEEN = 512 * 1024
/** Less than this of a PDF says nothing about all of it. */
const LEAST_SEEN = 4 * 1024
/** Blocks of a list, at most. */
const LIST_BLOCKS = 256
/** Thinking that is kept secret: four bytes of it are taken for a token. */
const CHARACTERS_PER_REDACTED_TOKEN = 16 / 3

/**
 * All that a model reads of a request, in order: one list for the system prompt, one for the tools and one for each
 * message, or several where there are more than 256 blocks, so that a reader may stop or pause between them. The texts
 * alone count, not how a provider frames them. Blocks that are not as they should be give what can be read of them;
 * nothing throws.
 */
export function* tokenParts(request: CanonicalRequest): Generator<readonly TokenPart[], void, undefined> {
  const sight = new Sight()
  yield* listsOf(request.system, sight)
  yield toolsParts(listOf<Tool | null>(request.tools), request.messages)
  for (const message of listOf<Fields>(request.messages)) yield* listsOf(message?.['content'], sight)
}

/** How much of the files of one request may still be looked through. */
class Sight {
  #left = MOST_SEEN

  /** Takes at most so many characters. */
  take(characters: number): number {
    const taken = Math.min(characters, this.#left)
    this.#left -= taken
    return taken
  }
}

function* listsOf(content: unknown, sight: Sight): Generator<readonly TokenPart[], void, undefined> {
  if (!Array.isArray(content) || content.length <= LIST_BLOCKS) return yield contentParts(content, sight)
  for (let from = 0; from < content.length; from += LIST_BLOCKS)
    yield contentParts(content.slice(from, from + LIST_BLOCKS), sight)
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

function contentParts(content: unknown, sight: Sight, parts: TokenPart[] = []): TokenPart[] {
  if (typeof content === 'string') parts.push(content)
  else for (const block of listOf<Fields>(content)) addBlock(block, sight, parts)
  return parts
}

function addBlock(block: Fields, sight: Sight, parts: TokenPart[]): void {
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
      contentParts(block!['content'], sight, parts)
      break
    case 'image':
      parts.push(imageBlockTokens(block!['source'], sight))
      break
    case 'document':
      addDocument(block!, sight, parts)
      break
    default:
      if (block !== undefined) parts.push({ json: block })
  }
}

function addDocument({ source, title, context }: NonNullable<Fields>, sight: Sight, parts: TokenPart[]): void {
  parts.push(textOf(title), textOf(context))
  const { type, data, content } = (source ?? {}) as NonNullable<Fields>
  if (type === 'text') parts.push(textOf(data))
  else if (type === 'content') contentParts(content, sight, parts)
  else parts.push(TOKENS_PER_PAGE * (type === 'base64' && typeof data === 'string' ? pagesOf(data, sight) : 1))
}

function imageBlockTokens(source: unknown, sight: Sight): number {
  const { type, data } = (source ?? {}) as NonNullable<Fields>
  return type === 'base64' && typeof data === 'string' ? imageTokens(data, sight) : TOKENS_PER_IMAGE
}

/** Pages of a PDF: those it shows, or by its size where it packs them, or where enough was looked through. */
function pagesOf(base64: string, sight: Sight): number {
  const characters = sight.take(base64.length)
  const enough = characters === base64.length || characters >= LEAST_SEEN
  const seen = enough ? Buffer.from(base64.slice(0, characters), 'base64').toString('latin1') : ''
  const shown = seen.match(/\/Type\s*\/Page\b/g)?.length
  const pages = shown === undefined ? (base64.length * 3) / 4 / BYTES_PER_PAGE : (shown * base64.length) / characters
  return Math.max(1, Math.ceil(pages))
}

function listOf<T>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
