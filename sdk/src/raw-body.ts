import type { RawBody } from './dialect.ts'

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
