import { CcrError, messageEvents, type CanonicalEvent, type CanonicalMessage } from '@ccr/sdk'

/**
 * Some streams hold content, or their stop reason, in the `message_start`: a tool call made by code that runs at the
 * provider comes so, with a `message_stop` behind it and nothing between. Unfolded they are events like any other.
 */
export class Unfolder {
  #closing: readonly CanonicalEvent[] = []

  /**
   * The events that this one stands for; nothing when it stands for itself.
   *
   * @throws CcrError `CCR_STREAM_INVALID` for content that is not made of blocks
   */
  unfold(event: CanonicalEvent): readonly CanonicalEvent[] | undefined {
    switch (event.type) {
      case 'message_start':
        return this.#opened(event.message)
      case 'message_delta':
        this.#closing = []
        return undefined
      case 'message_stop':
        return this.#closing.length === 0 ? undefined : [...this.#closing, event]
      default:
        return undefined
    }
  }

  #opened(message: Partial<CanonicalMessage> | null | undefined): readonly CanonicalEvent[] | undefined {
    const content = message?.content ?? []
    const hasReason = typeof message?.stop_reason === 'string'
    if (!isBlocks(content)) throw new CcrError('CCR_STREAM_INVALID', 'the upstream sent a message_start without blocks')
    if (content.length === 0 && !hasReason) return undefined
    const events = messageEvents({ ...(message as CanonicalMessage), content })
    // Its last two are the `message_delta`, which may still come by itself, and the `message_stop`, which will.
    if (hasReason) this.#closing = events.slice(-2, -1)
    return events.slice(0, -2)
  }
}

/** Whether a value can be the content of a message. */
export function isBlocks(content: unknown): content is CanonicalMessage['content'] {
  return Array.isArray(content) && content.every((block: { type?: unknown } | null) => typeof block?.type === 'string')
}
