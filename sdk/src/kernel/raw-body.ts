import type { RawBody } from '../dialect.ts'
import type { Outbound } from '../exchange.ts'
import { isObject } from '../is-object.ts'
import { writeJson } from '../json-numbers.ts'

/** From this length on, a text kept until the answer comes costs the garbage collector more than a copy outside. */
const LARGE = 8 * 1024

/** A body as JSON, to be sent and kept until it was answered. */
export function toJsonBody(body: unknown): string | Uint8Array {
  const text = writeJson(body)
  return text.length < LARGE ? text : Buffer.from(text)
}

/** From this length on, bytes are sent in pieces: a copy of them all costs more. */
const HUGE = 64 * 1024

/**
 * The body as received, every top-level `model` replaced; a large one as pieces that follow each other.
 *
 * @param field what stands in the place of the whole member, if that is to go
 */
export function withModel(
  { bytes, modelSpans }: RawBody,
  model: string,
  field?: Outbound['modelField'],
): Uint8Array | readonly Uint8Array[] {
  const text = field ? `${JSON.stringify(field.name)}:${JSON.stringify(field.value)}` : JSON.stringify(model)
  const written = Buffer.from(text)
  const parts: Uint8Array[] = []
  let from = 0
  for (const [start, end] of modelSpans) {
    parts.push(bytes.subarray(from, field ? keyOf(bytes, start) : start), written)
    from = end
  }
  parts.push(bytes.subarray(from))
  return bytes.length < HUGE ? Buffer.concat(parts) : parts
}

/** Where the key of the value begins that begins here: nothing but a colon and blanks stand between them. */
function keyOf(bytes: Buffer, value: number): number {
  const end = bytes.lastIndexOf('"', value - 1)
  return bytes.lastIndexOf('"', end - 1)
}

/** A body with another member in the place of its model. */
export function withField(body: unknown, field: Outbound['modelField']): unknown {
  if (!field || !isObject(body)) return body
  const { model: _model, [field.name]: _other, ...rest } = body
  return { [field.name]: field.value, ...rest }
}

/** Whether the bytes of a request can say what its body would with this member in the place of its model. */
export function holdsField(request: object, { modelSpans }: RawBody, field: Outbound['modelField']): boolean {
  return !field || (modelSpans.length > 0 && !Object.hasOwn(request, field.name))
}

/** Pieces of a body as one. */
export function joined(body: string | Uint8Array | readonly Uint8Array[]): string | Uint8Array {
  return typeof body === 'string' || ArrayBuffer.isView(body) ? body : Buffer.concat(body)
}
