import { failureText } from '@ccr/sdk'
import type { CanonicalRequest, ContentBlock, Message, ToolResultBlock, ToolUseBlock } from '@ccr/sdk'

const UNANSWERED = '[this call was not answered]'

/**
 * A history in which every call has an id of its own and one result, in the message directly behind its turn, as this
 * protocol demands; a result of no such call becomes text. For clients of other protocols, whose servers demand less.
 */
export function withAnsweredCalls(request: CanonicalRequest): CanonicalRequest {
  const { messages } = request
  const out: Message[] = []
  const used = new Set<string>()
  for (let from = 0; from < messages.length;) {
    const assistant = messages[from]!.role === 'assistant'
    let to = from + 1
    while (to < messages.length && (messages[to]!.role === 'assistant') === assistant) to++
    const run = messages.slice(from, to)
    if (!assistant) out.push(...answer([], run))
    else {
      const calls: Call[] = []
      out.push(...run.map((message) => withOwnIds(message, used, calls)))
      from = to
      while (to < messages.length && messages[to]!.role !== 'assistant') to++
      out.push(...answer(calls, messages.slice(from, to)))
    }
    from = to
  }
  return { ...request, messages: out }
}

interface Call {
  readonly given: string
  readonly id: string
}

/** A turn whose calls have ids that no earlier call had; adds them to `calls`. */
function withOwnIds(message: Message, used: Set<string>, calls: Call[]): Message {
  if (!hasBlock(message, 'tool_use')) return message
  const content = (message.content as readonly ContentBlock[]).map((block) => {
    if (block.type !== 'tool_use') return block
    const { id: given } = block as ToolUseBlock
    let id = given
    for (let use = 2; used.has(id); use++) id = `${given}_${use}`
    used.add(id)
    calls.push({ given, id })
    return id === given ? block : { ...block, id }
  })
  return { ...message, content }
}

/** What follows a turn: first the results of its calls, then the rest. */
function answer(calls: readonly Call[], run: readonly Message[]): readonly Message[] {
  const open = [...calls]
  const results: ContentBlock[] = []
  const rest = run.map((message) => {
    if (!hasBlock(message, 'tool_result')) return message
    const content = (message.content as readonly ContentBlock[]).flatMap((block) => {
      if (block.type !== 'tool_result') return [block]
      const result = block as ToolResultBlock
      const at = open.findIndex(({ given }) => given === result.tool_use_id)
      if (at < 0) return asText(result)
      const [{ id }] = open.splice(at, 1) as [Call]
      results.push(id === result.tool_use_id ? result : { ...result, tool_use_id: id })
      return []
    })
    return { ...message, content }
  })
  for (const { id } of open) results.push({ type: 'tool_result', tool_use_id: id, content: UNANSWERED, is_error: true })
  const first = rest[0]
  // Whatever else the first user message says stays behind its results.
  const joins = first?.role === 'user' && first !== run[0]
  const said = joins ? (first.content as readonly ContentBlock[]) : []
  const answered: Message = { ...(joins && first), role: 'user', content: [...results, ...said] }
  return [answered, ...(joins ? rest.slice(1) : rest)].filter(({ content }) => content.length > 0)
}

function asText(result: ToolResultBlock): readonly ContentBlock[] {
  const { tool_use_id, content } = result
  const given: readonly ContentBlock[] =
    typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? [])
  const said = given.filter(saysSomething)
  const text = said.map(textIn).join('')
  const failed: readonly ContentBlock[] = failureText(result, text) === text ? [] : [{ type: 'text', text: 'Error:' }]
  return [{ type: 'text', text: `[result of the tool call ${tool_use_id}]` }, ...failed, ...said]
}

/** Texts that say nothing are refused. */
function saysSomething(block: ContentBlock): boolean {
  return block.type !== 'text' || textIn(block).trim() !== ''
}

function textIn(block: ContentBlock): string {
  return block.type === 'text' ? String((block as { text?: unknown }).text) : ''
}

function hasBlock({ content }: Message, type: string): boolean {
  return typeof content !== 'string' && content.some((block) => block.type === type)
}
