/** The two wire shapes that the fault upstream speaks. */
export type Shape = 'openai' | 'anthropic'

/** The events of one whole, healthy answer in one shape, as the text between two blank lines. */
export interface Transcript {
  /** Events before the first piece of text. */
  readonly opening: readonly string[]
  /** Events that carry text; joined they are {@link TEXT}. */
  readonly pieces: readonly string[]
  /** Events after the last piece, the terminal one included. */
  readonly closing: readonly string[]
}

/** What every healthy answer says: multi-byte code points, an escape, a line end. */
export const TEXT = 'Grüße 🧭 aus "dem" Norden\nund weiter.'
const PIECES = ['Grüße ', '🧭 aus ', '"dem" ', 'Norden\n', 'und weiter.']

/** What every healthy answer costs. */
export const USAGE = { input: 11, output: 7 }

/** The upstream's own name of its model; the router must not show it where it converts. */
export const UPSTREAM_MODEL = 'upstream-model'

const OPENAI_HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: UPSTREAM_MODEL }

function openaiChunk(delta: object, finish: string | null = null): string {
  return `data: ${JSON.stringify({ ...OPENAI_HEAD, choices: [{ index: 0, delta, finish_reason: finish }] })}`
}

/** A piece of text as one event. */
export function textEvent(shape: Shape, text: string): string {
  if (shape === 'openai') return openaiChunk({ content: text })
  return anthropicEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })
}

/** An error as one event of a stream. */
export function errorEvent(shape: Shape): string {
  if (shape === 'openai') {
    return `data: ${JSON.stringify({ error: { message: 'too busy', type: 'overloaded_error', code: 529 } })}`
  }
  return anthropicEvent({ type: 'error', error: { type: 'overloaded_error', message: 'too busy' } })
}

/** A frame that carries nothing. */
export function pingEvent(shape: Shape): string {
  return shape === 'openai' ? ': keep-alive' : anthropicEvent({ type: 'ping' })
}

function anthropicEvent(event: { readonly type: string; readonly [field: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}`
}

/** A healthy answer as a stream. */
export function transcript(shape: Shape): Transcript {
  const pieces = PIECES.map((piece) => textEvent(shape, piece))
  if (shape === 'openai') {
    const usage = {
      prompt_tokens: USAGE.input,
      completion_tokens: USAGE.output,
      total_tokens: USAGE.input + USAGE.output,
    }
    return {
      opening: [openaiChunk({ role: 'assistant', content: '' })],
      pieces,
      closing: [
        openaiChunk({}, 'stop'),
        `data: ${JSON.stringify({ ...OPENAI_HEAD, choices: [], usage })}`,
        'data: [DONE]',
      ],
    }
  }
  const start = {
    ...anthropicMessage(),
    content: [],
    stop_reason: null,
    usage: { input_tokens: USAGE.input, output_tokens: 1 },
  }
  return {
    opening: [
      anthropicEvent({ type: 'message_start', message: start }),
      anthropicEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ],
    pieces,
    closing: [
      anthropicEvent({ type: 'content_block_stop', index: 0 }),
      anthropicEvent({
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: { output_tokens: USAGE.output },
      }),
      anthropicEvent({ type: 'message_stop' }),
    ],
  }
}

function anthropicMessage(): object {
  return { id: 'msg_upstream', type: 'message', role: 'assistant', model: UPSTREAM_MODEL, stop_sequence: null }
}

/** A healthy answer as one JSON document. */
export function wholeAnswer(shape: Shape): object {
  if (shape === 'openai') {
    return {
      ...OPENAI_HEAD,
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }],
      usage: { prompt_tokens: USAGE.input, completion_tokens: USAGE.output, total_tokens: USAGE.input + USAGE.output },
    }
  }
  return {
    ...anthropicMessage(),
    content: [{ type: 'text', text: TEXT }],
    stop_reason: 'end_turn',
    usage: { input_tokens: USAGE.input, output_tokens: USAGE.output },
  }
}

/** An error body as the vendors of this shape send it. */
export function errorBody(shape: Shape, status: number, message: string): object {
  const type = status === 429 ? 'rate_limit_error' : status === 529 ? 'overloaded_error' : 'invalid_request_error'
  return shape === 'openai'
    ? { error: { message, type, code: String(status) } }
    : { type: 'error', error: { type, message } }
}
