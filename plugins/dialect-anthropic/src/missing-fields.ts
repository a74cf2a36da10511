import { CcrError, isObject } from '@ccr/sdk'
import type { CanonicalEvent, CanonicalMessage, CanonicalUsage } from '@ccr/sdk'

type MessageStart = Extract<CanonicalEvent, { type: 'message_start' }>
type MessageDelta = Extract<CanonicalEvent, { type: 'message_delta' }>

const NO_REASON: MessageDelta['delta'] = { stop_reason: null, stop_sequence: null }

/** Fills in what compatible servers leave out of the first and the last event, and clients read without a look. */
export class MissingFields {
  /** As the events before have told. */
  #outputTokens = 0
  /** What the events before have told of the end. */
  #ending: MessageDelta['delta'] | undefined

  /**
   * The event itself when it lacks nothing.
   *
   * @throws CcrError `CCR_STREAM_INVALID` for a `message_start` without a message
   */
  fill(event: CanonicalEvent): CanonicalEvent {
    if (event.type === 'message_start') {
      const filled = filledStart(event)
      this.#note(filled.message.usage)
      const { stop_reason, stop_sequence } = filled.message
      if (typeof stop_reason === 'string') this.#ending = { stop_reason, stop_sequence: stop_sequence ?? null }
      return filled
    }
    if (event.type !== 'message_delta') return event
    const whole = this.#withReason(event)
    if (isObject(event.usage)) {
      this.#note(event.usage)
      return whole
    }
    // Its counts are cumulative: another one would undo what is known.
    return { ...whole, usage: { output_tokens: this.#outputTokens } }
  }

  /** Clients take the reason of the last one, so that each has what is known. */
  #withReason(event: MessageDelta): MessageDelta {
    const { delta } = event
    if (typeof delta?.stop_reason === 'string') this.#ending = delta
    else if (this.#ending || !isObject(delta)) return { ...event, delta: { ...delta, ...(this.#ending ?? NO_REASON) } }
    return event
  }

  #note({ output_tokens }: CanonicalUsage): void {
    if (typeof output_tokens === 'number') this.#outputTokens = output_tokens
  }
}

function filledStart(event: MessageStart): MessageStart {
  const message: unknown = event.message
  if (!isObject(message)) {
    throw new CcrError('CCR_STREAM_INVALID', 'the upstream sent a message_start without a message')
  }
  const { content, usage } = message as Partial<CanonicalMessage>
  if (isObject(usage) && (content ?? undefined) !== undefined) return event
  const counts = isObject(usage) ? usage : { input_tokens: 0, output_tokens: 0 }
  return { ...event, message: { ...event.message, content: content ?? [], usage: counts } }
}
