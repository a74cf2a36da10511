import type { TargetDialect } from './dialect.ts'
import { CcrError } from './errors.ts'
import type { Attempt } from './exchange.ts'

/** The wire events of an answer that came as a whole. */
export interface WholeAnswer {
  readonly events: readonly unknown[]
  /** It was JSON, as it should be; some servers send a stream under another content type. */
  readonly json: boolean
}

/**
 * Turns a whole answer into the events that a stream of it would have had.
 *
 * @throws CcrError `CCR_STREAM_INVALID` when it is neither JSON nor an event stream
 */
export function explodeAnswer(
  text: string,
  { status, headers }: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  dialect: TargetDialect,
  attempt: Attempt,
): WholeAnswer {
  if (text.trim() === '') throw new CcrError('CCR_STREAM_INVALID', `an empty answer (status ${status})`)
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    const reader = /^\s*(?:data|event|id|retry|):/.test(text) ? dialect.reader('text/event-stream', attempt) : undefined
    if (!reader) {
      const type = headers['content-type']?.split(';')[0] ?? 'no content type'
      const fact = `its answer (status ${status}, ${type}) is neither JSON nor an event stream`
      throw new CcrError('CCR_STREAM_INVALID', fact)
    }
    const events: unknown[] = []
    reader.push(Buffer.from(text), (event) => void events.push(event))
    reader.end((event) => void events.push(event))
    return { events, json: false }
  }
  return { events: dialect.explode(answer, attempt), json: true }
}
