import type { RawBody } from './dialect.ts'

/** From this length on, a text kept until the answer comes costs the garbage collector more than a copy outside. */
const LARGE = 8 * 1024

/** A body as JSON, to be sent and kept until it was answered. */
export function toJsonBody(body: unknown): string | Uint8Array {
  const text = JSON.stringify(body)
  return text.length < LARGE ? text : Buffer.from(text)
}

/** The body as received, every top-level `model` replaced. */
export function withModel({ bytes, modelSpans }: RawBody, model: string): Uint8Array {
  const name = Buffer.from(JSON.stringify(model))
  const parts: Uint8Array[] = []
  let from = 0
  for (const [start, end] of modelSpans) {
    parts.push(bytes.subarray(from, start), name)
    from = end
  }
  parts.push(bytes.subarray(from))
  return Buffer.concat(parts)
}
