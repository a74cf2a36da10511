import type { CanonicalRequest, ContentBlock, Message } from '@ccr/sdk'
import { isThinking, withoutForeignBlocks } from './foreign.ts'

/**
 * Takes out of a request what this router made for other vendors and no Anthropic server could read: their thinking and
 * their searches, or whatever `strip` takes out. Returns the very request when there is none.
 *
 * A turn of the running tool loop must begin with its thinking while thinking is on, so a request whose loop lost some
 * goes out with thinking off.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking
 */
export function withoutForeignParts(request: CanonicalRequest, strip = withoutForeignBlocks): CanonicalRequest {
  const { messages } = request
  const kept = messages.map((message) => stripMessage(message, strip))
  if (kept.every((message, index) => message === messages[index])) return request
  const stripped = { ...request, messages: joinMessages(kept) }
  const off = request.thinking?.type === 'disabled' || !loopLostThinking(messages, kept)
  return off ? stripped : withoutThinking(stripped)
}

/**
 * Whether thinking is on and the running tool loop does not begin with any, as after a change of models in its midst.
 * Its later turns need none: without interleaved thinking a model thinks once a loop. Nor does `adaptive` thinking
 * demand any. Source: https://docs.anthropic.com/en/docs/build-with-claude/adaptive-thinking
 */
export function loopLacksThinking({ thinking, messages }: CanonicalRequest): boolean {
  if (thinking?.type !== 'enabled') return false
  const loop = runningLoop(messages).map((index) => messages[index]!)
  const first = loop.at(-1)
  if (first === undefined || !loop.some((message) => hasBlock(message, 'tool_use'))) return false
  return !isThinking((first.content as readonly ContentBlock[] | undefined)?.[0])
}

/** The message as it was, without its foreign parts, or nothing when nothing else was in it. */
function stripMessage(message: Message, strip: typeof withoutForeignBlocks): Message | undefined {
  if (message?.role !== 'assistant' || !Array.isArray(message.content)) return message
  const content = strip(message.content as readonly ContentBlock[])
  if (content === message.content) return message
  return content.length === 0 ? undefined : { ...message, content }
}

/** Leaves out the emptied messages, and joins the user messages between which one stood. */
function joinMessages(kept: readonly (Message | undefined)[]): Message[] {
  const joined: Message[] = []
  let gap = false
  for (const message of kept) {
    const last = joined.at(-1)
    if (message === undefined) {
      gap = true
      continue
    }
    if (gap && isPlainUser(last) && isPlainUser(message)) {
      joined[joined.length - 1] = { role: 'user', content: [...blocksOf(last), ...blocksOf(message)] }
    } else joined.push(message)
    gap = false
  }
  return joined
}

/** A user message without fields of its own, which a joined one could not hold for both. */
function isPlainUser(message: Message | undefined): message is Message {
  if (message?.role !== 'user' || Object.keys(message).length !== 2) return false
  return typeof message.content === 'string' || Array.isArray(message.content)
}

function blocksOf({ content }: Message): readonly ContentBlock[] {
  if (typeof content !== 'string') return content
  return content === '' ? [] : [{ type: 'text', text: content }]
}

/** Whether a turn of the running tool loop used a tool and no longer begins with thinking. */
function loopLostThinking(messages: readonly Message[], kept: readonly (Message | undefined)[]): boolean {
  return runningLoop(messages).some((index) => {
    const left = kept[index]
    if (left === undefined || countThinking(left) === countThinking(messages[index]!)) return false
    return hasBlock(left, 'tool_use') && !isThinking((left.content as readonly ContentBlock[])[0])
  })
}

/**
 * The places of the assistant turns of the running tool loop, the last one first. The loop reaches back to the last
 * assistant turn that was answered without a tool result; what stands between two turns counts as one message.
 */
function runningLoop(messages: readonly Message[]): readonly number[] {
  const turns: number[] = []
  let answered: 'no' | 'by the user' | 'by a tool' = 'no'
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index]
    if (message?.role === 'user' && answered !== 'by a tool')
      answered = hasBlock(message, 'tool_result') ? 'by a tool' : 'by the user'
    if (message?.role !== 'assistant') continue
    if (answered === 'by the user') break
    answered = 'no'
    turns.push(index)
  }
  return turns
}

function countThinking({ content }: Message): number {
  return Array.isArray(content) ? content.filter(isThinking).length : 0
}

function hasBlock({ content }: Message, type: string): boolean {
  return Array.isArray(content) && content.some((block: ContentBlock) => block?.type === type)
}

/** The request with thinking off, and without what is refused then. */
export function withoutThinking(request: CanonicalRequest): CanonicalRequest {
  const { thinking: _off, context_management, ...rest } = request
  const management = withoutThinkingEdits(context_management)
  return management === undefined ? rest : { ...rest, context_management: management }
}

/** Clearing thinking is refused while thinking is off. */
function withoutThinkingEdits(management: unknown): unknown {
  const edits: unknown = (management as { edits?: unknown } | undefined | null)?.edits
  if (!Array.isArray(edits)) return management
  const kept = edits.filter((edit: { type?: unknown } | null) => !String(edit?.type).startsWith('clear_thinking'))
  if (kept.length === edits.length) return management
  return kept.length === 0 && Object.keys(management as object).length === 1
    ? undefined
    : { ...(management as object), edits: kept }
}
