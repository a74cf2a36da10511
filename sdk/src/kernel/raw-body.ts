import type { RawBody } from '../dialect.ts'
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

/** The body as received, every top-level `model` replaced; a large one as pieces that follow each other. */
export function withModel({ bytes, modelSpans }: RawBody, model: string): Uint8Array | readonly Uint8Array[] {
  const name = Buffer.from(JSON.stringify(model))
  const parts: Uint8Array[] = []
  let from = 0
  for (const [start, end] of modelSpans) {
    parts.push(bytes.subarray(from, start), name)
    from = end
  }
  parts.push(bytes.subarray(from))
  return bytes.length < HUGE ? Buffer.concat(parts) : parts
}

/** Pieces of a body as one. */
export function joined(body: string | Uint8Array | readonly Uint8Array[]): string | Uint8Array {
  return typeof body === 'string' || ArrayBuffer.isView(body) ? body : Buffer.concat(body)
}
