import type { CanonicalRequest, ContentBlock, Endpoint, EndpointReply, EndpointRequest, Tool } from '@ccr/sdk'
import { client } from './client.ts'

/** Characters of a token, as English text and code have them on average. */
const CHARACTERS_PER_TOKEN = 4

/**
 * Tokens of an image that is as large as models see them; smaller ones cost less, but their size stands in the picture.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/vision
 */
const TOKENS_PER_IMAGE = 1600

/** Tokens of a page of a PDF, and its bytes where the file does not show its pages. */
const TOKENS_PER_PAGE = 2000
const BYTES_PER_PAGE = 50_000

/** What a message, a tool and a block that the estimate does not read cost beside their texts. */
const TOKENS_PER_ITEM = 4

/** Answers how many input tokens a request has, as an estimate: no provider is asked. */
export const countTokens: Endpoint = {
  method: 'POST',
  path: '/v1/messages/count_tokens',
  access: 'data',
  respond,
}

/** @throws CcrError `CCR_REQUEST_INVALID` for a body that is no request */
function respond({ body, headers, url, params }: EndpointRequest): EndpointReply {
  const { request } = client.decode({ body, headers, url, params })
  return { status: 200, body: { input_tokens: estimateTokens(request) } }
}

/** A guess at the input tokens of a request, at least 1: all that a model reads, whatever block it stands in. */
export function estimateTokens({ system, messages, tools }: CanonicalRequest): number {
  let tokens = contentTokens(system)
  for (const message of messages) tokens += TOKENS_PER_ITEM + contentTokens(message?.content)
  const loaded = loadedTools(messages)
  for (const tool of Array.isArray(tools) ? (tools as readonly Tool[]) : []) tokens += toolTokens(tool, loaded)
  return Math.max(1, Math.ceil(tokens))
}

/** A tool whose loading is put off is no part of the prompt before a result names it. */
function toolTokens(tool: Tool | null, loaded: ReadonlySet<unknown>): number {
  if (tool?.defer_loading === true && !loaded.has(tool.name)) return 0
  return TOKENS_PER_ITEM + jsonTokens(tool)
}

function loadedTools(messages: CanonicalRequest['messages']): ReadonlySet<unknown> {
  const names = new Set<unknown>()
  for (const message of messages) {
    for (const block of blocksOf(message?.content)) {
      for (const part of blocksOf(block?.['content'])) {
        if (part?.['type'] === 'tool_reference') names.add(part['tool_name'])
      }
    }
  }
  return names
}

type Fields = { readonly [field: string]: unknown } | null | undefined

function blocksOf(content: unknown): readonly Fields[] {
  return Array.isArray(content) ? (content as readonly Fields[]) : []
}

function contentTokens(content: unknown): number {
  if (typeof content === 'string') return textTokens(content)
  let tokens = 0
  for (const block of blocksOf(content)) tokens += blockTokens(block)
  return tokens
}

function blockTokens(block: Fields): number {
  switch (block?.['type'] as ContentBlock['type'] | undefined) {
    case 'text':
      return textTokens(block!['text'])
    case 'thinking':
      return textTokens(block!['thinking'])
    case 'redacted_thinking':
      return textTokens(block!['data'])
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      return TOKENS_PER_ITEM + textTokens(block!['name']) + jsonTokens(block!['input'])
    case 'tool_result':
      return TOKENS_PER_ITEM + contentTokens(block!['content'])
    case 'image':
      return TOKENS_PER_IMAGE
    case 'document':
      return documentTokens(block!)
    default:
      return TOKENS_PER_ITEM + jsonTokens(block)
  }
}

function documentTokens({ source, title, context }: NonNullable<Fields>): number {
  const about = TOKENS_PER_ITEM + textTokens(title) + textTokens(context)
  const { type, data, content } = (source ?? {}) as NonNullable<Fields>
  if (type === 'text') return about + textTokens(data)
  if (type === 'content') return about + contentTokens(content)
  return about + TOKENS_PER_PAGE * (type === 'base64' && typeof data === 'string' ? pagesOf(data) : 1)
}

/** Pages of a PDF: those it shows, or by its size where it packs them. */
function pagesOf(base64: string): number {
  const bytes = Buffer.from(base64, 'base64')
  const shown = bytes.toString('latin1').match(/\/Type\s*\/Page\b/g)
  return shown?.length ?? Math.max(1, Math.ceil(bytes.length / BYTES_PER_PAGE))
}

function jsonTokens(value: unknown): number {
  return value === undefined ? 0 : textTokens(JSON.stringify(value))
}

function textTokens(text: unknown): number {
  return typeof text === 'string' ? text.length / CHARACTERS_PER_TOKEN : 0
}
