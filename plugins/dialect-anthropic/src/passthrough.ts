import { randomUUID } from 'node:crypto'
import { CcrError, MAX_FRAME, parseObject } from '@ccr/sdk'
import type { CanonicalEvent, PassthroughFrames, PassthroughReader } from '@ccr/sdk'
import { FrameMender, LEFT_OUT, type Mend } from './frame-mender.ts'

const EMPTY: PassthroughFrames = { bytes: new Uint8Array(0), events: [], ends: [] }
const LF = 10
/** The byte order mark, in Latin-1. */
const MARK = '\u00ef\u00bb\u00bf'

/**
 * Cuts an answer into whole server-sent events, and hands on their bytes as they came. Line ends may be LF, CRLF or CR.
 * A read that holds only whole events is handed on without a copy; the work is linear in the bytes. What precedes a
 * faulty event is returned first, the error is thrown by the next call. Only what no client bears is mended: frames are
 * added, left out, named and given anew, and a last event gets the line ends it lacks.
 *
 * @throws CcrError `CCR_STREAM_LIMIT` for an event longer than `maxFrame` bytes, `CCR_STREAM_INVALID` for what is none
 */
export function createPassthrough(
  full: ReadonlySet<CanonicalEvent['type']>,
  maxFrame = MAX_FRAME,
  newId: (prefix: string) => string = randomId,
): PassthroughReader {
  // The bytes of the event that is not complete, and the text of its last line. Bytes are read as Latin-1, so that a
  // position in the text is a position in the bytes; data that is parsed is turned into UTF-8 first.
  let carried: Buffer[] = []
  let carriedBytes = 0
  let pieces: string[] = []
  let atStart = true
  let afterReturn = false
  let name: string | undefined
  let data: string | undefined
  /** Lines of the event that say nothing, such as comments. */
  let others = ''
  /** An object on a line of its own: behind the last event it may say why the answer broke off. */
  let stray: string | undefined
  let fault: unknown
  const mender = new FrameMender(full, newId)
  // Of the frame that ended last, and whether nothing of its own bytes was kept.
  let mend: Mend | undefined
  let replaced = false
  /** How many bytes of the next whole frame are the byte order mark, which stays the first. */
  let marked = 0

  /** Takes one line; true when it ended an event. */
  const line = (text: string, events: CanonicalEvent[]): boolean => {
    if (atStart) {
      atStart = false
      if (text.startsWith(MARK)) text = text.slice((marked = MARK.length))
    }
    if (text === '') {
      if (isFilled(data)) mend = mender.take(name, data, others, events)
      name = undefined
      data = undefined
      others = ''
      return true
    }
    const value = fieldOf(text, 'data')
    if (value !== undefined) {
      data = joined(data, value)
      stray = undefined
      return false
    }
    const named = fieldOf(text, 'event')
    if (named !== undefined) name = named
    else others += `${text}\n`
    if (text.startsWith('{')) stray = text
    return false
  }

  /** Scans the read; `complete` is told where each frame in it began and ended, so that nothing is open behind it. */
  const scan = (text: string, events: CanonicalEvent[], complete: (from: number, to: number) => void): void => {
    let from = 0
    // Where the event began that is being read: before this read when some of it was carried.
    let began = -carriedBytes
    if (afterReturn && text.charCodeAt(0) === LF) {
      from = 1
      // The rest of a line end whose event is already out, or left out.
      if (carriedBytes === 0) {
        if (replaced) mend = LEFT_OUT
        complete(0, (began = 1))
      }
    }
    afterReturn = false
    let lf = text.indexOf('\n', from)
    let cr = text.indexOf('\r', from)
    while (lf >= 0 || cr >= 0) {
      const end = lf < 0 || (cr >= 0 && cr < lf) ? cr : lf
      if (end + 1 - began > maxFrame) throw tooLong(maxFrame)
      const last = text.slice(from, end)
      const ended = line(pieces.length > 0 ? pieces.join('') + last : last, events)
      pieces = []
      from = end === cr && lf === cr + 1 ? lf + 1 : end + 1
      if (ended) {
        complete(began, from)
        began = from
      }
      afterReturn = end === cr && from === end + 1 && from === text.length
      if (lf >= 0 && lf < from) lf = text.indexOf('\n', from)
      if (cr >= 0 && cr < from) cr = text.indexOf('\r', from)
    }
    if (from < text.length) pieces.push(text.slice(from))
    if (text.length - began > maxFrame) throw tooLong(maxFrame)
  }

  const push = (bytes: Uint8Array): PassthroughFrames => {
    if (fault) throw fault
    if (bytes.length === 0) return EMPTY
    const read = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const events: CanonicalEvent[] = []
    const ends: number[] = []
    const repairs: Repair[] = []
    let complete = 0
    let shift = carriedBytes
    try {
      scan(read.toString('latin1'), events, (from, to) => {
        complete = to
        replaced = mend?.instead === true
        if (mend) {
          const at = from + marked
          let end = at + shift
          for (const frame of mend.before) ends.push((end += frame.length))
          const bytes = Buffer.concat([...mend.before, mend.own])
          const repair = { from: carriedBytes + at, to: carriedBytes + (mend.instead ? to : at), bytes }
          repairs.push(repair)
          shift += bytes.length - (repair.to - repair.from)
          mend = undefined
        }
        marked = 0
        while (events.length > ends.length) ends.push(to + shift)
      })
    } catch (thrown) {
      fault = thrown
      if (complete === 0) throw thrown
    }
    const ready = read.subarray(0, complete)
    const out = complete > 0 && carriedBytes > 0 ? Buffer.concat([...carried, ready]) : ready
    if (complete > 0) {
      carried = []
      carriedBytes = 0
    }
    if (complete < read.length && !fault) {
      // A copy: the read belongs to its source.
      carried.push(Buffer.from(read.subarray(complete)))
      carriedBytes += read.length - complete
    }
    return { bytes: repairs.length > 0 ? repaired(out, repairs) : out, events, ends }
  }

  return {
    push,
    end() {
      if (fault) throw fault
      const open = pieces.join('')
      const line = atStart && open.startsWith(MARK) ? open.slice(MARK.length) : open
      const value = fieldOf(line, 'data')
      if (value === undefined && data === undefined) {
        if (line.startsWith('{')) stray = line
        if (parsed(stray)?.['error']) data = stray
      }
      const last = value === undefined ? data : joined(data, value)
      // One that was cut is no event: the missing end of the stream is what will be reported.
      if (!isFilled(last) || parsed(last) === undefined) return EMPTY
      // A line feed behind a carriage return only completes that line end.
      return push(Buffer.from(open !== '' || afterReturn ? '\n\n' : '\n'))
    },
  }
}

/** The exchange, whose identifiers others are, is not known where bytes are passed on. */
function randomId(prefix: string): string {
  return prefix + randomUUID().replaceAll('-', '')
}

/** Bytes that take the place of others. */
interface Repair {
  readonly from: number
  readonly to: number
  readonly bytes: Buffer
}

function repaired(bytes: Uint8Array, repairs: readonly Repair[]): Buffer {
  const parts: Uint8Array[] = []
  let at = 0
  for (const { from, to, bytes: instead } of repairs) {
    parts.push(bytes.subarray(at, from), instead)
    at = to
  }
  return Buffer.concat([...parts, bytes.subarray(at)])
}

/** Some gateways end every stream with another vendor's marker, and keep connections alive with empty data. */
function isFilled(data: string | undefined): data is string {
  return data !== undefined && data !== '' && data !== '[DONE]'
}

/** @param data UTF-8 read as Latin-1 */
function parsed(data = ''): Record<string, unknown> | undefined {
  return parseObject(Buffer.from(data, 'latin1').toString('utf8'))
}

function joined(data: string | undefined, value: string): string {
  return data === undefined ? value : `${data}\n${value}`
}

function fieldOf(line: string, field: string): string | undefined {
  if (!line.startsWith(field)) return undefined
  if (line.length === field.length) return ''
  if (line.charCodeAt(field.length) !== 58) return undefined
  return line.slice(line.charCodeAt(field.length + 1) === 32 ? field.length + 2 : field.length + 1)
}

function tooLong(maxFrame: number): CcrError {
  return new CcrError('CCR_STREAM_LIMIT', `one event of the upstream is longer than ${maxFrame} bytes; it was given up`)
}
