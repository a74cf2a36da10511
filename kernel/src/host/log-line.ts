/** Beyond this depth JSON.stringify goes on, which also finds circles. */
const DEPTH = 4
/** No character of a string needs more bytes in UTF-8. */
const MOST_BYTES = 3

const QUOTE = 34
const COMMA = 44
const COLON = 58
const ARRAY = 91
const ARRAY_END = 93
const OBJECT = 123
const OBJECT_END = 125
const BACKSLASH = 92
const SPACE = 32
const TILDE = 126

/**
 * Lines of JSON that are put together byte by byte. As strings their pieces made a tenth of the garbage of a small
 * request, and JSON.stringify takes twice the time for them.
 */
export class LineBuffer {
  readonly #bytes: Buffer
  #used = 0
  #full = false

  /** @param size in bytes */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size)
  }

  /** Bytes that were written. */
  get used(): number {
    return this.#used
  }

  /** Something found no room, and was left out. */
  get full(): boolean {
    return this.#full
  }

  /** Forgets what was written since, and that there was no room for it. */
  reset(used: number): void {
    this.#used = used
    this.#full = false
  }

  /** What was written. */
  toString(): string {
    return this.#bytes.toString('utf8', 0, this.#used)
  }

  /** A text as it is. */
  text(text: string): void {
    if (!this.#fits(text)) return
    const at = this.#used
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code > TILDE) return void (this.#used = at + this.#bytes.write(text, at))
      this.#bytes[at + index] = code
    }
    this.#used = at + text.length
  }

  /**
   * The members of a JSON object, each after a comma; undefined ones are left out. What is no plain object, list or
   * primitive is written as JSON.stringify writes it.
   */
  members(fields: object): void {
    this.#members(fields, false, DEPTH)
  }

  #members(fields: object, first: boolean, depth: number): void {
    let begun = !first
    for (const key in fields) {
      const value = (fields as Readonly<Record<string, unknown>>)[key]
      if (value === undefined) continue
      if (begun) this.#byte(COMMA)
      begun = true
      this.#string(key)
      this.#byte(COLON)
      this.#value(value, depth)
    }
  }

  #value(value: unknown, depth: number): void {
    if (typeof value === 'string') this.#string(value)
    else if (typeof value === 'number' && Number.isFinite(value)) this.text(String(value))
    else if (typeof value === 'boolean') this.text(value ? 'true' : 'false')
    else if (depth === 0 || !isPlain(value)) this.text(JSON.stringify(value) ?? 'null')
    else if (Array.isArray(value)) this.#list(value, depth - 1)
    else {
      this.#byte(OBJECT)
      this.#members(value, true, depth - 1)
      this.#byte(OBJECT_END)
    }
  }

  #list(list: readonly unknown[], depth: number): void {
    this.#byte(ARRAY)
    for (let index = 0; index < list.length; index++) {
      if (index > 0) this.#byte(COMMA)
      this.#value(list[index], depth)
    }
    this.#byte(ARRAY_END)
  }

  #string(text: string): void {
    if (!this.#fits(text)) return
    const at = this.#used
    this.#bytes[at] = QUOTE
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code < SPACE || code > TILDE || code === QUOTE || code === BACKSLASH) return this.text(JSON.stringify(text))
      this.#bytes[at + 1 + index] = code
    }
    this.#bytes[at + 1 + text.length] = QUOTE
    this.#used = at + text.length + 2
  }

  #byte(byte: number): void {
    if (this.#fits('')) this.#bytes[this.#used++] = byte
  }

  /** Whether there is room for a text and two quotes. */
  #fits(text: string): boolean {
    if (this.#used + (text.length + 1) * MOST_BYTES > this.#bytes.length) this.#full = true
    return !this.#full
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === Array.prototype
}
