import { CODE } from './json-scan-code.ts'
import { addSpan, type Fields, textOf } from './json-scan.ts'

// The layout of the memory, and how deep it can look: see json-scan.wat.
const NOTES = 256
const BODY = 8192
const DEEPEST = NOTES - 1
const INTS_PER_FIELD = 4
/** The zeros that follow a body. */
const PADDING = 96
const PAGE = 65_536

/** Longest body whose memory is kept for the next one. */
const KEPT_BYTES = 2 * 1024 * 1024

/** What json-scan.wat exports. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  scan(length: number, maxDepth: number): number
}

// Node has it; the types of Node 20 do not.
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

let module: object | undefined
let kept: Exports | undefined

/**
 * The top-level fields of a body, looked at up to 64 bytes at a time, which takes a fifth of the time of
 * {@link scanJson}; nothing when that has to look: the body is wrong, deep or unusual, or there are no vector
 * instructions.
 */
export function findFields(bytes: Buffer, maxDepth: number): Fields | undefined {
  const exports = maxDepth <= DEEPEST ? exportsFor(bytes.length) : undefined
  if (!exports) return undefined
  const { buffer } = exports.memory
  new Uint8Array(buffer, BODY, bytes.length).set(bytes)
  const count = exports.scan(bytes.length, maxDepth)
  if (count < 0) return undefined
  const fields: Fields = new Map()
  const notes = new Int32Array(buffer, NOTES, count * INTS_PER_FIELD)
  for (let at = 0; at < notes.length; at += INTS_PER_FIELD) {
    const [key, keyEnd, start, end] = notes.subarray(at, at + INTS_PER_FIELD)
    addSpan(fields, textOf(bytes, key! - BODY, keyEnd! - BODY), [start! - BODY, end! - BODY])
  }
  return fields
}

/** With memory for a body of this length. */
function exportsFor(length: number): Exports | undefined {
  try {
    module ??= new WebAssembly.Module(Buffer.from(CODE, 'base64'))
    const large = length > KEPT_BYTES
    const exports = (!large && kept) || (new WebAssembly.Instance(module).exports as Exports)
    if (!large) kept = exports
    const missing = Math.ceil((BODY + length + PADDING - exports.memory.buffer.byteLength) / PAGE)
    if (missing > 0) exports.memory.grow(missing)
    return exports
  } catch {
    // A processor without vector instructions, or a system without the address space for another memory.
    return undefined
  }
}
