import { CcrError, MAX_FRAME } from '@ccr/sdk'
import type { CanonicalEvent, PassthroughFrames, PassthroughReader } from '@ccr/sdk'
import { Sequencer, type Fit } from './sequencer.ts'
import { readSkeleton } from './skeleton.ts'
import { Unfolder } from './unfold.ts'

const EMPTY: PassthroughFrames = { bytes: new Uint8Array(0), events: [], ends: [] }
const LF = 10

/** Types that are always parsed whole: the exchange reads usage, stop reasons and errors from them. */
const ALWAYS_FULL = ['message_start', 'message_delta', 'error'] as const

/**
 * Cuts an answer into whole server-sent events, and hands on their bytes as they came. Line ends may be LF, CRLF or CR.
 * A read that holds only whole events is handed on without a copy; the work is linear in the bytes. What precedes a
 * faulty event is returned first, the error is thrown by the next call. Only where blocks overlap, or a message starts
 * twice, which no client bears, frames are added and left out.
 *
 * @throws CcrError `CCR_STREAM_LIMIT` for an event longer than `maxFrame` bytes, `CCR_STREAM_INVALID` for what is none
 */
export function createPassthrough(full: ReadonlySet<CanonicalEvent['type']>, maxFrame = MAX_FRAME): PassthroughReader {
  const whole: ReadonlySet<string> = new Set([...full, ...ALWAYS_FULL])
  const wholeDeltas: ReadonlySet<string> = new Set([...whole, 'content_block_delta'])
  // The bytes of the event that is not complete, and the text of its last line. Bytes are read as Latin-1, so that a
  // position in the text is a position in the bytes; data that is parsed is turned into UTF-8 first.
  let carried: Buffer[] = []
  let carriedBytes = 0
  let pieces: string[] = []
  let atStart = true
  let afterReturn = false
  let name: string | undefined
  let data: string | undefined
  let fault: unknown
  const unfolder = new Unfolder()
  const sequencer = new Sequencer()
  // Of the frame that ended last, and whether that was left out.
  let fit: Fit = 'keep'
  let dropped = false

  /** Takes one line; true when it ended an event. */
  const line = (text: string, events: CanonicalEvent[]): boolean => {
    if (atStart) {
      atStart = false
      // The byte order mark, in Latin-1.
      if (text.startsWith('\u00ef\u00bb\u00bf')) text = text.slice(3)
    }
    if (text === '') {
      fit = 'keep'
      if (data !== undefined && data !== '' && data !== '[DONE]') {
        const event = readSkeleton(name, data, sequencer.busy ? wholeDeltas : whole)
        fit = sequencer.fit(event)
        if (fit !== 'drop') events.push(...(unfolder.unfold(event) ?? [event]))
      }
      name = undefined
      data = undefined
      return true
    }
    const value = fieldOf(text, 'data')
    if (value !== undefined) data = data === undefined ? value : `${data}\n${value}`
    else name = fieldOf(text, 'event') ?? name
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
        if (dropped) fit = 'drop'
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
        dropped = fit === 'drop'
        if (fit !== 'keep') {
          const repair = repairOf(fit, carriedBytes + from, carriedBytes + to)
          repairs.push(repair)
          shift += repair.bytes.length - (repair.to - repair.from)
          if (fit !== 'drop') {
            events.splice(-1, 0, { type: 'content_block_stop', index: fit })
            ends.push(from + shift)
          }
          fit = 'keep'
        }
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
      return EMPTY
    },
  }
}

/** Bytes that take the place of others. */
interface Repair {
  readonly from: number
  readonly to: number
  readonly bytes: Buffer
}

/** The frame at these places is left out, or a stop is put before it. */
function repairOf(fit: Exclude<Fit, 'keep'>, from: number, to: number): Repair {
  if (fit === 'drop') return { from, to, bytes: Buffer.alloc(0) }
  const data = JSON.stringify({ type: 'content_block_stop', index: fit })
  return { from, to: from, bytes: Buffer.from(`event: content_block_stop\ndata: ${data}\n\n`) }
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

function fieldOf(line: string, field: string): string | undefined {
  if (!line.startsWith(field)) return undefined
  if (line.length === field.length) return ''
  if (line.charCodeAt(field.length) !== 58) return undefined
  return line.slice(line.charCodeAt(field.length + 1) === 32 ? field.length + 2 : field.length + 1)
}

function tooLong(maxFrame: number): CcrError {
  return new CcrError('CCR_STREAM_LIMIT', `one event of the upstream is longer than ${maxFrame} bytes; it was given up`)
}
