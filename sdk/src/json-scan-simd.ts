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

/** Longest body whose memory is kept for the next one. */
const KEPT_BYTES = 8 * 1024 * 1024

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

let scanner: Exports | undefined
/** Longest body that there is memory for; 0 where there is none, or no vector instructions. */
let longest = Infinity

/**
 * The top-level fields of a body, looked at up to 64 bytes at a time, which takes a fifth of the time of
 * {@link scanJson} for a conversation; nothing when that has to look: the body is wrong, deep or unusual, or this
 * cannot be done here.
 */
export function findFields(bytes: Buffer, maxDepth: number): Fields | undefined {
  if (bytes.length > longest || maxDepth > DEEPEST) return undefined
  const used = (scanner ??= create())
  if (!used || !isGrown(used, bytes.length)) return undefined
  if (bytes.length > KEPT_BYTES) scanner = undefined
  return fieldsIn(bytes, maxDepth, used)
}

function create(): Exports | undefined {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(CODE, 'base64'))).exports as Exports
  } catch {
    // To try again without the address space takes V8 a second.
    longest = 0
    return undefined
  }
}

/** Whether there is memory for a body of this length now. */
function isGrown({ memory }: Exports, length: number): boolean {
  const missing = Math.ceil((BODY + length + PADDING - memory.buffer.byteLength) / PAGE)
  try {
    if (missing > 0) memory.grow(missing)
    return true
  } catch {
    longest = length - 1
    return false
  }
}

function fieldsIn(bytes: Buffer, maxDepth: number, { memory, scan }: Exports): Fields | undefined {
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
