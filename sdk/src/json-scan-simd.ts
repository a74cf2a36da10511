import { CODE } from './json-scan-code.ts'
import { addSpan, type Fields, textOf } from './json-scan.ts'

// The layout of the memory, and how deep it can look: see json-scan.wat.
const NOTES = 256
const BODY = 8192
const DEEPEST = NOTES - 1
const INTS_PER_FIELD = 4
/** What may be read behind a body. */
const PADDING = 96
const PAGE = 65_536

/** The memory grows with the longest body, and is kept. */
const LONGEST_BYTES = 8 * 1024 * 1024

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

let exports: Exports | undefined
let unusable = false

/**
 * The top-level fields of a body, looked at up to 64 bytes at a time, which takes a fifth of the time of
 * {@link scanJson} for a conversation; nothing when that has to look: the body is wrong, deep, huge or unusual, or this
 * cannot be done here.
 */
export function findFields(bytes: Buffer, maxDepth: number): Fields | undefined {
  if (unusable || maxDepth > DEEPEST || bytes.length > LONGEST_BYTES) return undefined
  try {
    exports ??= new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(CODE, 'base64'))).exports as Exports
    return fieldsIn(bytes, maxDepth, exports)
  } catch {
    // A processor without vector instructions, or a system without the address space. To try again takes V8 a second.
    unusable = true
    return undefined
  }
}

function fieldsIn(bytes: Buffer, maxDepth: number, { memory, scan }: Exports): Fields | undefined {
  const missing = Math.ceil((BODY + bytes.length + PADDING - memory.buffer.byteLength) / PAGE)
  if (missing > 0) memory.grow(missing)
  // Growing gives another buffer.
  const { buffer } = memory
  new Uint8Array(buffer, BODY, bytes.length).set(bytes)
  const count = scan(bytes.length, maxDepth)
  if (count < 0) return undefined
  const fields: Fields = new Map()
  const notes = new Int32Array(buffer, NOTES, count * INTS_PER_FIELD)
  for (let at = 0; at < notes.length; at += INTS_PER_FIELD) {
    const [key, keyEnd, start, end] = notes.subarray(at, at + INTS_PER_FIELD)
    addSpan(fields, textOf(bytes, key! - BODY, keyEnd! - BODY), [start! - BODY, end! - BODY])
  }
  return fields
}
