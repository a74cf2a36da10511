import type { CanonicalRequest, ContentBlock, Exchange, Message, ToolResultBlock, ToolUseBlock } from '@ccr/sdk'
import { listOf } from './images.ts'

/** Private calls of a turn that ended with calls of the client, and their results. */
interface Remembered {
  readonly calls: readonly ToolUseBlock[]
  readonly results: readonly ToolResultBlock[]
}

/** Turns that are remembered; the one that was used longest ago goes first. */
const TURNS = 200

/**
 * What models asked beside calls of the client. The client, which knows nothing of it, sends a history without it; it
 * is put back before the model reads that.
 */
export class PrivateCalls {
  readonly #turns = new Map<string, Remembered>()

  remember(exchange: Exchange, clientCalls: readonly ToolUseBlock[], remembered: Remembered): void {
    this.#turns.set(keyOf(exchange, clientCalls), remembered)
    for (const [oldest] of this.#turns) {
      if (this.#turns.size <= TURNS) break
      this.#turns.delete(oldest)
    }
  }

  /** The request with everything that is remembered of its history. */
  restore(request: CanonicalRequest, exchange: Exchange): CanonicalRequest {
    if (this.#turns.size === 0) return request
    const messages = [...request.messages]
    for (const [index, message] of request.messages.entries()) {
      const next = request.messages[index + 1] as Message | null | undefined
      const calls = (message as Message | null)?.role === 'assistant' ? callsOf(message) : []
      if (calls.length === 0 || next?.role !== 'user') continue
      const key = keyOf(exchange, calls)
      const remembered = this.#turns.get(key)
      if (!remembered) continue
      this.#turns.delete(key)
      this.#turns.set(key, remembered)
      messages[index] = { ...message, content: [...blocksOf(message), ...remembered.calls] }
      // Results come before anything else that the user says.
      messages[index + 1] = { ...next, content: [...remembered.results, ...blocksOf(messages[index + 1]!)] }
    }
    return { ...request, messages }
  }
}

function keyOf({ client }: Exchange, calls: readonly ToolUseBlock[]): string {
  return JSON.stringify([client.sessionId, calls.map(({ id, name }) => [id, name])])
}

function callsOf(message: Message): readonly ToolUseBlock[] {
  return blocksOf(message).filter((block: ContentBlock | null): block is ToolUseBlock => block?.type === 'tool_use')
}

function blocksOf({ content }: Message): readonly ContentBlock[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : listOf(content)
}
