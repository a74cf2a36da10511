import { isObject, parseObject, writeJson, type JsonObject } from '@ccr/sdk'

/** The event that stands for the mark of the end in Chat Completions. */
const DONE: JsonObject = { done: true }

/** Longest line that is read, in characters: 32 Mi. */
const MAX_LINE = 32 * 1024 * 1024

/** Wire events as the server-sent events that they came in. */
export function writeEvents(events: readonly JsonObject[], dialect: string): string {
  let text = ''
  for (const event of events) {
    if (dialect === 'openai' && event['done'] === true) text += 'data: [DONE]\n\n'
    else {
      const { type } = event
      // Protocols whose events have a type name it twice.
      if (dialect !== 'openai' && typeof type === 'string') text += `event: ${type}\n`
      text += `data: ${writeJson(event)}\n\n`
    }
  }
  return text
}

/**
 * Reads server-sent events as transformers write them: each line of data is an event, whether an empty line follows or
 * not. What is no JSON object is passed over.
 */
export class EventLines {
  readonly #dialect: string
  readonly #decoder = new TextDecoder()
  /** Pieces of a line whose end has not come. */
  #rest: string[] = []
  #length = 0
  #name = ''

  constructor(dialect: string) {
    this.#dialect = dialect
  }

  /** The events in the next piece; nothing given means that none follows. */
  push(piece?: Uint8Array | string): readonly JsonObject[] {
    const text = typeof piece === 'string' ? piece : this.#decoder.decode(piece, { stream: piece !== undefined })
    const lines = text.split(/\r?\n/)
    const last = lines.pop()!
    if (lines.length > 0) lines[0] = this.#rest.splice(0).join('') + lines[0]!
    if (lines.length > 0) this.#length = 0
    if (last !== '') this.#rest.push(last)
    this.#length += last.length
    if (this.#length > MAX_LINE) throw new Error('transformResponseOut gave a line that is too long')
    if (piece === undefined) lines.push(this.#rest.splice(0).join(''))
    return lines.flatMap((line): readonly JsonObject[] => this.#event(line.endsWith('\r') ? line.slice(0, -1) : line))
  }

  #event(line: string): readonly JsonObject[] {
    if (line === '') this.#name = ''
    const [, field, value = ''] = /^(data|event): ?(.*)$/s.exec(line) ?? []
    if (field === 'event') this.#name = value.trim()
    if (field !== 'data') return []
    const text = value.trim()
    if (text === '[DONE]') return this.#dialect === 'openai' ? [DONE] : []
    const event = parseObject(text)
    if (this.#dialect === 'openai' && this.#name === 'error' && event?.['error'] === undefined)
      return [{ error: event ?? text }]
    return event ? [event] : []
  }
}

/** A whole answer of Chat Completions from the events that stand for it; nothing for those of a stream. */
export function toWhole(events: readonly JsonObject[]): JsonObject | undefined {
  const [first, second] = events
  if (!first || events.length > 2 || (second && second['done'] !== true)) return undefined
  const { choices } = first
  if (!Array.isArray(choices)) return first
  return { ...first, choices: (choices as readonly unknown[]).map((choice) => renamed(choice, 'delta', 'message')) }
}

/** The events that stand for a whole answer. */
export function fromWhole(answer: JsonObject, dialect: string): readonly JsonObject[] {
  if (dialect !== 'openai') return [answer]
  const { choices } = answer
  if (!Array.isArray(choices)) return [answer, DONE]
  const whole = (choices as readonly unknown[]).map((choice) => {
    const made = renamed(choice, 'message', 'delta')
    // The answer is whole, so one without a reason simply stopped.
    return isObject(made) ? { ...made, finish_reason: made['finish_reason'] ?? 'stop' } : made
  })
  return [{ ...answer, choices: whole }, DONE]
}

function renamed(choice: unknown, from: string, to: string): unknown {
  if (!isObject(choice) || choice[from] === undefined) return choice
  const { [from]: value, ...rest } = choice
  return { ...rest, [to]: value }
}
