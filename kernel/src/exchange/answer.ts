import { type CanonicalEvent, CcrError, type PassthroughFrames, type TargetDialect, type WireReader } from '@ccr/sdk'
import { AnswerHead, batchOf, describeUnreadable, explodeAnswer, isThenable } from '@ccr/sdk/kernel'
import { readPieces, readWhole, settle } from '@ccr/sdk/kernel'
import type { Piece, Pipeline, Settings, Want, Watchdog } from '@ccr/sdk/kernel'
import type { AttemptState } from './attempt.ts'
import { ofDialect } from './outbound.ts'
import type { TransportResponse } from './ports.ts'

/** What reading an answer needs. */
export interface Reading {
  readonly attempt: AttemptState
  readonly pipeline: Pipeline
  readonly watchdog: Watchdog
  readonly settings: Settings
}

/** The answer of an upstream that has sent its head. */
export interface Remote {
  readonly response: TransportResponse
  readonly dialect: TargetDialect
  /** Its bytes are handed on as they are. */
  readonly passthrough: boolean
  readonly url: string
  readonly redact: (text: string) => string
}

type LocalAnswer = AsyncIterable<readonly CanonicalEvent[]>

/**
 * Takes an answer piece by piece as it is read, events and the bytes to forward in their place; a promise means: read
 * no more until it resolves. A callback, because a generator costs several turns of the microtask queue for each piece.
 */
export type Take = (events: readonly CanonicalEvent[], bytes?: Uint8Array) => Promise<void> | undefined

/** Reads the answer of an upstream to its last event, and closes the upstream however that ends. */
export function readRemote(remote: Remote, reading: Reading, take: Take): Promise<void> {
  const { attempt, pipeline, watchdog } = reading
  const { response, dialect } = remote
  pipeline.deliverTo(take, watchdog)
  const reader = ofDialect(pipeline.dialect, () => dialect.reader(response.headers['content-type'] ?? '', attempt))
  return reader ? readStream(remote, reader, reading, take) : readWholeAnswer(remote, reading, take)
}

function readStream(remote: Remote, reader: WireReader<unknown>, reading: Reading, take: Take): Promise<void> {
  const { attempt, pipeline, watchdog, settings } = reading
  const { response, dialect } = remote
  // Frames are forwarded as they come.
  const frames = remote.passthrough && attempt.exchange.stream ? dialect.passthrough?.(pipeline.observed) : undefined
  const head = new AnswerHead()
  let wire: unknown[] = []
  const emit = (event: unknown): void => void wire.push(event)
  let fault: unknown
  let last = false
  /** Every event so far was taken. */
  const taken = (): Want | Promise<Want> => {
    if (pipeline.ended) return pipeline.observesOnly ? 'enough' : pipeline.flush().then(() => 'enough')
    if (pipeline.failure !== undefined || fault !== undefined) throw pipeline.failure ?? fault
    if (last) throw new CcrError('CCR_STREAM_ENDED', 'the answer ended before its last event')
    return pipeline.complete ? 'mark' : 'more'
  }
  const after = (busy: Promise<void> | undefined): Want | Promise<Want> => (busy ? busy.then(taken) : taken())
  const give = (events: readonly CanonicalEvent[]): Want | Promise<Want> =>
    after(events.length > 0 ? take(events) : undefined)
  return readPieces(response.body, settings.limits.answerBytes, (bytes) => {
    if (bytes) {
      watchdog.read()
      head.add(bytes)
    } else {
      // What a client had asked for that left is not complete, and nobody hears of it.
      attempt.exchange.cancellation.throwIfAborted()
      last = true
      const whole = head.toText()
      if (whole !== undefined) return takeWhole(whole, undefined, remote, reading, take).then(() => 'enough')
    }
    if (frames) {
      const piece = passed(bytes ? frames.push(bytes) : frames.end(), pipeline, dialect)
      if (piece.events.length > 0 || pipeline.failure !== undefined) head.drop()
      return after(take(piece.events, piece.bytes))
    }
    wire = []
    try {
      if (bytes) reader.push(bytes, emit)
      else reader.end(emit)
    } catch (thrown) {
      fault = thrown
    }
    if (wire.length > 0) head.drop()
    const events = pipeline.process(wire, last && fault === undefined)
    return isThenable(events) ? events.then(give) : give(events)
  })
}

/** Frames as received, cut after the last event that may leave the router. */
function passed({ bytes, events, ends }: PassthroughFrames, pipeline: Pipeline, dialect: TargetDialect): Piece {
  const reported = events.findIndex((event) => event.type === 'error')
  const allowed = pipeline.inspect(reported < 0 ? events : events.slice(0, reported))
  // After the end nothing more goes out, however its bytes arrived.
  const whole = allowed.length === events.length && !pipeline.ended
  if (reported >= 0 && allowed.length === reported) {
    const cause = dialect.error(events[reported])
    pipeline.fail(new CcrError('CCR_STREAM_ERROR', 'the upstream reported an error', { cause }))
  }
  return { events: allowed, bytes: whole ? bytes : bytes.subarray(0, ends[allowed.length - 1] ?? 0) }
}

/** An answer that is not a stream: read to its end, then one batch. */
async function readWholeAnswer(remote: Remote, reading: Reading, take: Take): Promise<void> {
  const { attempt, watchdog, settings } = reading
  const bytes = await readWhole(remote.response.body, settings.limits.answerBytes, () => watchdog.read())
  const passed = remote.passthrough && !attempt.exchange.stream ? bytes : undefined
  await takeWhole(bytes.toString('utf8'), passed, remote, reading, take)
}

/** `bytes` are forwarded in the place of the events where they are JSON. */
async function takeWhole(text: string, bytes: Buffer | undefined, remote: Remote, reading: Reading, take: Take) {
  const { attempt, pipeline } = reading
  const { response, dialect, url, redact } = remote
  const describe = (unread: string): string => describeUnreadable(url, unread, redact)
  const answer = ofDialect(pipeline.dialect, () =>
    explodeAnswer(text, response, dialect, attempt, describe, pipeline.readsForeign),
  )
  const pending = pipeline.process(answer.events, true)
  const events = isThenable(pending) ? await pending : pending
  if (!pipeline.ended)
    throw pipeline.failure ?? new CcrError('CCR_STREAM_ENDED', 'the answer ended before its last event')
  if (events.length > 0) await take(events, answer.json ? bytes : undefined)
}

/** Reads an answer made inside the process; waiting for it ends with the attempt. */
export async function readLocal(answer: LocalAnswer, reading: Reading, take: Take): Promise<void> {
  const { attempt, pipeline, watchdog } = reading
  const events = answer[Symbol.asyncIterator]()
  pipeline.deliverTo(take, watchdog)
  attempt.exchange.patience = watchdog
  try {
    for (;;) {
      const read = await settle(events.next(), Infinity, attempt.cancellation)
      watchdog.read()
      const batch = await pipeline.process(batchOf(read), read.done === true)
      if (batch.length > 0) await take(batch)
      if (pipeline.ended) return await pipeline.flush()
      if (pipeline.failure !== undefined) throw pipeline.failure
      if (read.done) throw new CcrError('CCR_STREAM_ENDED', 'the answer ended before its last event')
    }
  } finally {
    void Promise.resolve(events.return?.()).catch(() => undefined)
  }
}
