import { setImmediate } from 'node:timers/promises'
import { parseObject, writeJson, type JsonObject, type StreamFunction } from '@ccr/sdk'
import type { Call } from './calls.ts'
import type { LegacyTransformer } from './legacy-class.ts'
import { kindOf } from './request.ts'
import { asRead } from './chunks.ts'
import { EventLines, fromWhole, toWhole, writeEvents } from './wire-text.ts'

/** Longest whole answer that a class may give, in characters: 64 Mi. */
const MAX_WHOLE = 64 * 1024 * 1024

/** What the stage of one answer works with. */
export interface ResponseStageOptions {
  readonly instance: LegacyTransformer
  readonly name: string
  readonly dialect: string
  readonly provider: string
  readonly call: Call
}

type Batches = AsyncIterable<readonly JsonObject[]>

/** A stage that gives the class the answer as a web `Response`, and reads what it gives back. */
export function responseStage(options: ResponseStageOptions): StreamFunction<never, unknown> {
  // What comes from an upstream in a wire protocol are JSON objects.
  return (batches) => transformed(batches as Batches, options)
}

async function* transformed(batches: Batches, options: ResponseStageOptions): Batches {
  const { instance, name, dialect, provider, call } = options
  const input = batches[Symbol.asyncIterator]()
  const held = call.stream || dialect !== 'openai' ? [] : await readAll(input)
  const whole = held.length > 0 ? toWhole(held) : undefined
  /** Why no more comes, and what then stops waiting for the class. */
  let failure: { readonly reason: unknown } | undefined
  let stop = (): void => undefined
  const stopNow = (): void => stop()
  const source = (): ReadableStream<Uint8Array> =>
    toStream(held.length > 0 ? once(held) : input, dialect, (reason) => {
      failure = { reason }
      stop()
    })
  const response = whole
    ? new Response(writeJson(whole), { headers: { 'content-type': 'application/json' } })
    : new Response(source(), { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' } })
  const hook = instance.transformResponseOut
  if (typeof hook !== 'function') throw new Error(`transformResponseOut of ${name} is no function`)
  const given: unknown = await Reflect.apply(hook, instance, [response, call.context])
  const { body, isJson } = readable(given, name, whole !== undefined)
  if (!body) return
  const reader = body.getReader() as ReadableStreamDefaultReader<unknown>
  stop = () => void reader.cancel().catch(() => undefined)
  // A stream that the class has from elsewhere does not hear of it.
  call.signal.addEventListener('abort', stopNow, { once: true })
  if (failure) stop()
  const toOwn = (events: readonly JsonObject[]): readonly JsonObject[] =>
    dialect === 'openai' ? events.map((event) => asRead(event, provider, !call.many)) : events
  const lines = new EventLines(dialect)
  const text = new WholeText(name)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (failure) throw failure.reason
      const piece = done ? undefined : pieceOf(value, name)
      if (isJson) text.push(piece)
      const events = isJson ? [] : lines.push(piece)
      if (events.length > 0) yield toOwn(events)
      if (done) break
    }
    if (isJson) yield toOwn(text.events(dialect))
  } catch (thrown) {
    // The class may have made something else of it.
    throw failure ? failure.reason : thrown
  } finally {
    call.signal.removeEventListener('abort', stopNow)
    stop()
  }
}

async function readAll(input: AsyncIterator<readonly JsonObject[]>): Promise<JsonObject[]> {
  const events: JsonObject[] = []
  for (let read = await input.next(); !read.done; read = await input.next()) events.push(...read.value)
  return events
}

async function* once<T>(value: T): AsyncGenerator<T, undefined> {
  yield value
  return undefined
}

/** The bytes of the events, made as they are asked for. */
function toStream(
  input: AsyncIterator<readonly JsonObject[]>,
  dialect: string,
  onFailure: (reason: unknown) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          // To ask for the next batch is to wait for the upstream: what became of the last one goes out first.
          await setImmediate()
          try {
            const read = await input.next()
            if (read.done) return controller.close()
            const text = writeEvents(read.value, dialect)
            if (text !== '') return controller.enqueue(encoder.encode(text))
          } catch (thrown) {
            onFailure(thrown)
            throw thrown
          }
        }
      },
    },
    { highWaterMark: 0 },
  )
}

interface Readable {
  readonly body: ReadableStream<unknown> | null
  readonly isJson: boolean
}

/** What a class gave for a response. */
function readable(given: unknown, name: string, wasWhole: boolean): Readable {
  const { body, headers, status, bodyUsed } = Object(given) as Partial<Response>
  if (body === undefined || typeof headers?.get !== 'function')
    throw new Error(`transformResponseOut of ${name} gave ${kindOf(given)} and no Response`)
  if (typeof status === 'number' && (status < 200 || status > 299))
    throw new Error(`transformResponseOut of ${name} gave a Response with the status ${status}`)
  if (bodyUsed) throw new Error(`transformResponseOut of ${name} gave a Response whose body it has read itself`)
  const type = headers.get('content-type') ?? ''
  // Of a type that says nothing what came says it.
  return { body, isJson: /json/i.test(type) || (wasWhole && !/stream/i.test(type)) }
}

function pieceOf(value: unknown, name: string): Uint8Array | string {
  if (value instanceof Uint8Array || typeof value === 'string') return value
  throw new Error(`transformResponseOut of ${name} gave a stream of ${kindOf(value)}, not of bytes`)
}

/** A whole answer, piece by piece. */
class WholeText {
  readonly #name: string
  readonly #decoder = new TextDecoder()
  readonly #parts: string[] = []
  #length = 0

  constructor(name: string) {
    this.#name = name
  }

  push(piece: Uint8Array | string | undefined): void {
    const part = typeof piece === 'string' ? piece : this.#decoder.decode(piece, { stream: piece !== undefined })
    this.#parts.push(part)
    this.#length += part.length
    if (this.#length > MAX_WHOLE)
      throw new Error(`transformResponseOut of ${this.#name} gave an answer that is too long`)
  }

  events(dialect: string): readonly JsonObject[] {
    const answer = parseObject(this.#parts.join(''))
    if (!answer) throw new Error(`transformResponseOut of ${this.#name} gave JSON that is no object`)
    return fromWhole(answer, dialect)
  }
}
