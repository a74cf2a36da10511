import { documentText, invalidRequest } from '@ccr/sdk'
import type { CanonicalRequest, ContentBlock, DocumentBlock, ImageBlock, Message, ToolResultBlock } from '@ccr/sdk'

type Fields = Readonly<Record<string, unknown>>

/** Blocks that only this protocol has. Source: https://docs.anthropic.com/en/api/messages, `messages.content` */
const OWN = /^(?:thinking|redacted_thinking|tool_use|server_tool_use|search_result|tool_reference|\w+_tool_result)$/

/** Source: https://docs.anthropic.com/en/docs/build-with-claude/vision */
const PICTURES = /^image\/(?:jpeg|png|gif|webp)$/i

/**
 * The content of a request as this protocol takes it: what it cannot hold is named in text, so that nothing vanishes,
 * and texts that say nothing are left out. For clients of other protocols.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` where no message is left
 */
export function speakable(request: CanonicalRequest): CanonicalRequest {
  const messages = withTurns(
    request.messages.flatMap((message) => fitMessage(message)),
    request.messages.at(-1),
  )
  if (messages.length === 0) throw invalidRequest('/messages', 'must hold at least one message that says something')
  const { system, ...rest } = request
  if (system === undefined) return { ...request, messages }
  const said = typeof system === 'string' ? system : system.filter((block) => !isBlank(block))
  return said.length === 0 ? { ...rest, messages } : { ...request, system: said, messages }
}

/** Stands where the user has said nothing. */
const EMPTY_TURN: Message = { role: 'user', content: '…' }

/** A model never speaks first to this protocol, and goes on with its last turn only where no other followed. */
function withTurns(messages: readonly Message[], last: Message | undefined): readonly Message[] {
  const first = messages.findIndex(({ role }) => role !== 'system')
  const begun = messages[first]?.role === 'assistant' ? messages.toSpliced(first, 0, EMPTY_TURN) : messages
  return last?.role === 'user' && begun.at(-1)?.role === 'assistant' ? [...begun, EMPTY_TURN] : begun
}

/** The message, or none where it says nothing: turns of one role in a row are one to this protocol. */
function fitMessage(message: Message): readonly Message[] {
  if (typeof message.content === 'string') return message.content.trim() === '' ? [] : [message]
  const content = fitBlocks(message.content)
  return content.length === 0 ? [] : [{ ...message, content }]
}

function fitBlocks(blocks: readonly ContentBlock[]): readonly ContentBlock[] {
  return blocks.filter((block) => !isBlank(block)).map(fitBlock)
}

function isBlank(block: ContentBlock): boolean {
  return block.type === 'text' && String((block as Fields)['text']).trim() === ''
}

function fitBlock(block: ContentBlock): ContentBlock {
  switch (block.type) {
    case 'text':
      return block
    case 'image':
      return fitImage(block as ImageBlock)
    case 'document':
      return fitDocument(block as DocumentBlock)
    case 'tool_result': {
      const { content } = block as ToolResultBlock
      return Array.isArray(content) ? { ...block, content: fitBlocks(content as readonly ContentBlock[]) } : block
    }
    default:
      return OWN.test(block.type) ? block : unseen(`content of type ${block.type}`)
  }
}

function fitImage(block: ImageBlock): ContentBlock {
  const { source } = block
  // An uploaded file lies with the vendor whose client this is.
  if (source.type === 'file') return unseen(`image ${source.file_id}`)
  if (source.type === 'url') return isFetched(source.url) ? block : unseen(`image ${source.url}`)
  return PICTURES.test(source.media_type) ? block : unseen(`image of type ${source.media_type}`)
}

function fitDocument(block: DocumentBlock): ContentBlock {
  const { type, media_type: given, ...rest } = block.source
  const media = typeof given === 'string' ? given : 'application/pdf'
  const title = block.title ? ` '${block.title}'` : ''
  switch (type) {
    case 'file':
      return unseen(`document${title} ${String(rest['file_id'])}`)
    case 'url':
      if (!isPdf(media) || !isFetched(rest['url'])) return unseen(`document${title} ${String(rest['url'])}`)
      return given === undefined ? block : { ...block, source: { type, ...rest } }
    case 'base64':
      if (isPdf(media)) return block
      return asText(block) ?? unseen(`document${title} of type ${media}`)
    default:
      return block
  }
}

function isPdf(media: string): boolean {
  return /^application\/pdf\b/i.test(media)
}

function isFetched(url: unknown): boolean {
  return typeof url === 'string' && /^https?:/i.test(url)
}

function asText(block: DocumentBlock): DocumentBlock | undefined {
  const data = documentText(block)
  return data === undefined ? undefined : { ...block, source: { type: 'text', media_type: 'text/plain', data } }
}

function unseen(what: string): ContentBlock {
  return { type: 'text', text: `[${what} cannot be shown to this model]` }
}
