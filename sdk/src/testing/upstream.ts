import type { TransportRequest, TransportResponse } from '@ccr/kernel'
import type { BodyReader, BodySource } from '../kernel/reading.ts'

/** An upstream's answer in a test: a whole body, or pieces that arrive one read after the other. */
export interface TestAnswer {
  /** 200 unless given. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Empty unless given. */
  readonly body?: TestBody
  /** Fails the body with this error after its last piece. */
  readonly failure?: Error
}

/** The bytes of an answer, as one read or as several. */
export type TestBody = string | Uint8Array | readonly (string | Uint8Array)[] | AsyncIterable<Uint8Array>

/** What the router sends: its `url`, `headers` with the credentials, `stream`, and its body in one piece. */
export interface UpstreamRequest extends TransportRequest {
  readonly body: string | Uint8Array
}

/** Answers what the router sends; a thrown error is a failed connection. */
export type TestUpstream = (request: UpstreamRequest) => TestAnswer | Promise<TestAnswer>

/** Streams a body as server-sent events. */
export function sse(body: TestBody): TestAnswer {
  return { headers: { 'content-type': 'text/event-stream' }, body }
}

/** A JSON answer. */
export function json(value: unknown, status = 200): TestAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}

/** Cuts a text, or bytes, into reads at byte offsets; one behind the end begins again at the start, so any will do. */
export function cut(text: string | Uint8Array, ...offsets: readonly number[]): readonly Uint8Array[] {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  const edges = [0, ...offsets.map((offset) => offset % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index]!, end))
}

/** The answer as the exchange reads it. */
export function toResponse(answer: TestAnswer, signal: AbortSignal): TransportResponse {
  return { status: answer.status ?? 200, headers: answer.headers ?? {}, body: sourceOf(bodyOf(answer, signal)) }
}

async function* bodyOf({ body = [], failure }: TestAnswer, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const pieces = typeof body === 'string' || ArrayBuffer.isView(body) ? [body] : body
  for await (const piece of pieces) {
    signal.throwIfAborted()
    yield typeof piece === 'string' ? Buffer.from(piece) : piece
  }
  signal.throwIfAborted()
  if (failure) throw failure
}

function sourceOf(pieces: AsyncGenerator<Uint8Array>): BodySource {
  let left = false
  const give = async (reader: BodyReader): Promise<void> => {
    try {
      for await (const piece of pieces) {
        if (!left) await reader.piece(piece)
        if (left) return
      }
      if (!left) reader.end()
    } catch (thrown) {
      if (!left) reader.fail(thrown)
    }
  }
  return {
    readTo: (reader) => void give(reader),
    leave: () => {
      left = true
      void pieces.return(undefined).catch(() => undefined)
    },
  }
}
