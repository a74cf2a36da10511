import type { TargetDialect } from '../dialect.ts'
import { CcrError } from '../errors.ts'
import type { Attempt } from '../exchange.ts'
import { isObject } from '../is-object.ts'
import { isBounded } from '../json-bounds.ts'
import { parseJson } from '../json-numbers.ts'
import { BYTE_ORDER_MARK } from '../utf8.ts'

const STREAM = /^\s*(?:data|event|id|retry|):/
/** Most bytes that are kept of what is called a stream and holds no event: 1 Mi. */
const MAX_HEAD = 1024 * 1024

/** Whether a text begins as an event stream does. */
export function beginsAsEvents(text: string): boolean {
  return STREAM.test(text)
}

/** The wire events of an answer that came as a whole. */
export interface WholeAnswer {
  readonly events: readonly unknown[]
  /** It was JSON, as it should be; some servers send a stream under another content type. */
  readonly json: boolean
}

/**
 * Turns a whole answer into the events that a stream of it would have had.
 *
 * @param describe says where the answer came from and how it begins
 * @param isForeign whether a stage may know what the dialect does not: it is given such an object as it is
 * @throws CcrError `CCR_STREAM_INVALID` when it is neither JSON nor an event stream
 */
export function explodeAnswer(
  text: string,
  { status, headers }: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  dialect: TargetDialect,
  attempt: Attempt,
  describe: (text: string) => string = () => '',
  isForeign = false,
): WholeAnswer {
  if (text.trim() === '')
    throw new CcrError('CCR_STREAM_INVALID', `its answer (status ${status}) is empty ${describe(text)}`.trim())
  if (!isBounded(text))
    throw new CcrError('CCR_STREAM_INVALID', 'its answer is nested too deep or holds too many values; it was given up')
  // Some servers write it before JSON, which knows nothing of it.
  const isMarked = text.charCodeAt(0) === BYTE_ORDER_MARK
  let answer: unknown
  try {
    answer = parseJson(isMarked ? text.slice(1) : text)
  } catch {
    const reader = beginsAsEvents(text) ? dialect.reader('text/event-stream', attempt) : undefined
    if (!reader) {
      const type = headers['content-type']?.split(';')[0] ?? 'no content type'
      const fact = `its answer (status ${status}, ${type}) is neither JSON nor an event stream ${describe(text)}`
      throw new CcrError('CCR_STREAM_INVALID', fact.trim())
    }
    const events: unknown[] = []
    reader.push(Buffer.from(text), (event) => void events.push(event))
    reader.end((event) => void events.push(event))
    return { events, json: false }
  }
  try {
    return { events: dialect.explode(answer, attempt), json: !isMarked }
  } catch (thrown) {
    if (isForeign && isObject(answer)) return { events: [answer], json: !isMarked }
    throw thrown
  }
}

/**
 * The beginning of what is called a stream, kept until its first event. Where none comes it may be a whole answer after
 * all: gateways report errors under the content type that they were asked for.
 */
export class AnswerHead {
  #parts: Uint8Array[] | undefined = []
  #bytes = 0

  add(bytes: Uint8Array): void {
    if (!this.#parts) return
    this.#bytes += bytes.byteLength
    if (this.#bytes > MAX_HEAD) this.#parts = undefined
    else this.#parts.push(bytes)
  }

  /** An event has come: it is a stream. */
  drop(): void {
    this.#parts = undefined
  }

  /** All that was sent, if it is no stream. */
  toText(): string | undefined {
    if (!this.#parts) return undefined
    const text = Buffer.concat(this.#parts).toString('utf8')
    return beginsAsEvents(text) ? undefined : text
  }
}
