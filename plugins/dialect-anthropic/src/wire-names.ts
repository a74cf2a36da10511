import { ToolNames } from '@ccr/sdk'
import type { CanonicalEvent, CanonicalRequest, ContentBlock, Message } from '@ccr/sdk'

/** Source: https://docs.anthropic.com/en/api/messages, `tools` and `tool_use` */
const TOOL_NAMES = { accepts: /^[a-zA-Z0-9_-]{1,128}$/, replaces: /[^a-zA-Z0-9_-]/g }
const CALL_IDS = { accepts: /^[a-zA-Z0-9_-]+$/, replaces: /[^a-zA-Z0-9_-]/g }

/** A request whose names and ids this protocol takes, and how to read the names of its answer. */
export interface NamedRequest {
  readonly request: CanonicalRequest
  readonly names: ToolNames
}

/** Names of tools and ids of calls as this protocol takes them, everywhere in the request; others stay as they are. */
export function toWireNames(request: CanonicalRequest): NamedRequest {
  const names = new ToolNames(TOOL_NAMES)
  const ids = new ToolNames(CALL_IDS)
  const { tools, tool_choice: choice } = request
  const named: CanonicalRequest = {
    ...request,
    ...(tools && { tools: tools.map((tool) => renamed(tool, 'name', names)) }),
    ...(choice?.type === 'tool' && { tool_choice: renamed(choice, 'name', names) }),
    messages: request.messages.map((message) => nameBlocks(message, names, ids)),
  }
  return { request: named, names }
}

/** An event of the answer with the client's own name of the tool. */
export function fromWireNames(event: CanonicalEvent, names: ToolNames): CanonicalEvent {
  if (event.type !== 'content_block_start' || event.content_block.type !== 'tool_use') return event
  const { name: wire } = event.content_block as { readonly name?: unknown }
  if (typeof wire !== 'string') return event
  const name = names.fromWire(wire)
  return name === wire ? event : { ...event, content_block: { ...event.content_block, name } }
}

function nameBlocks(message: Message, names: ToolNames, ids: ToolNames): Message {
  if (typeof message.content === 'string') return message
  const content = message.content.map((block: ContentBlock): ContentBlock => {
    if (block.type === 'tool_use') return renamed(renamed(block, 'id', ids), 'name', names)
    return block.type === 'tool_result' ? renamed(block, 'tool_use_id', ids) : block
  })
  return content.every((block, index) => block === message.content[index]) ? message : { ...message, content }
}

/** The object with one of its fields named anew, or the very object. */
function renamed<Named extends object>(named: Named, field: string, names: ToolNames): Named {
  const { [field]: given } = named as Readonly<Record<string, unknown>>
  if (typeof given !== 'string') return named
  const wire = names.toWire(given)
  return wire === given ? named : { ...named, [field]: wire }
}
