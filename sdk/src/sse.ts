import { CcrError } from './errors.ts'
import { createUtf8Decoder } from './utf8.ts'

/** One server-sent event: the joined `data` lines and the `event` name, where there was one. */
export interface SseFrame {
  readonly event: string | undefined
  readonly data: string
}

/** Splits bytes into server-sent events; see {@link createSseReader}. */
export interface SseReader {
  push(bytes: Uint8Array): readonly SseFrame[]
  /** The frame that lacked its final blank line, if any. */
  end(): readonly SseFrame[]
}

/** Largest frame, in UTF-16 units, that a reader takes unless told otherwise: 8 Mi. */
export const MAX_FRAME = 8 * 1024 * 1024

/**
 * Splits bytes into server-sent events, however they were cut: LF, CRLF and CR line ends, a byte order mark, comments,
 * a missing space after the colon, data of several lines, code points split between reads. A JSON object on a line of
 * its own behind the last event is the data of one more: so servers say why they broke off. Its work is linear in the
 * bytes. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 *
 * @throws CcrError `CCR_STREAM_LIMIT` when a line, or the data of one frame, exceeds `maxFrame`. Frames that precede it
 * in the same read are returned first; then the next call throws.
 */
export function createSseReader(maxFrame = MAX_FRAME): SseReader {
  const decoder = createUtf8Decoder()
  // Pieces of the line whose end has not arrived; joined once, so that a long line costs linear time.
  let pieces: string[] = []
  let held = 0
  let endedInCarriageReturn = false
  let event: string | undefined
  let data: string | undefined
  let stray: string | undefined

  const line = (text: string, out: SseFrame[]): void => {
    if (text === '') {
      if (data !== undefined) out.push({ event, data })
      event = undefined
      data = undefined
      return
    }
    const colon = text.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? text : text.slice(0, colon)
    if (field === 'data') {
      stray = undefined
      const value = colon < 0 ? '' : text.slice(text.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1)
      data = data === undefined ? value : `${data}\n${value}`
      if (data.length > maxFrame) throw tooLong(maxFrame)
    } else if (field === 'event') {
      event = colon < 0 ? '' : text.slice(text.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1)
    } else if (text.startsWith('{')) stray = text
  }

  const take = (text: string, out: SseFrame[]): void => {
    let from = 0
    if (endedInCarriageReturn) {
      endedInCarriageReturn = false
      if (text.charCodeAt(0) === 10) from = 1
    }
    // Each is sought again only when it was passed: a text with one kind of line end is searched for the other once.
    let lf = text.indexOf('\n', from)
    let cr = text.indexOf('\r', from)
    while (lf >= 0 || cr >= 0) {
      const end = lf < 0 || (cr >= 0 && cr < lf) ? cr : lf
      if (held + end - from > maxFrame) throw tooLong(maxFrame)
      let whole = text.slice(from, end)
      if (pieces.length > 0) {
        pieces.push(whole)
        whole = pieces.join('')
        pieces = []
        held = 0
      }
      line(whole, out)
      from = end === cr && lf === cr + 1 ? lf + 1 : end + 1
      endedInCarriageReturn = end === cr && from === end + 1 && from === text.length
      if (lf >= 0 && lf < from) lf = text.indexOf('\n', from)
      if (cr >= 0 && cr < from) cr = text.indexOf('\r', from)
    }
    if (from < text.length) {
      pieces.push(from === 0 ? text : text.slice(from))
      held += text.length - from
      if (held > maxFrame) throw tooLong(maxFrame)
    }
  }

  // The frames before a fault are returned and the fault is thrown by the next call: cuts make no difference.
  let fault: unknown
  const frames = (text: string, last: boolean): readonly SseFrame[] => {
    if (fault !== undefined) throw fault
    const out: SseFrame[] = []
    try {
      if (text !== '') take(text, out)
      if (last) finish(out)
    } catch (thrown) {
      fault = thrown
      if (out.length === 0) throw thrown
    }
    return out
  }
  const finish = (out: SseFrame[]): void => {
    if (pieces.length > 0) line(pieces.join(''), out)
    pieces = []
    line('', out)
    if (stray !== undefined) out.push({ event: undefined, data: stray })
    stray = undefined
  }

  return {
    push: (bytes) => frames(decoder.push(bytes), false),
    end: () => frames(decoder.end(), true),
  }
}

function tooLong(maxFrame: number): CcrError {
  return new CcrError(
    'CCR_STREAM_LIMIT',
    `one event of the upstream is longer than ${maxFrame} characters; it was given up`,
  )
}
