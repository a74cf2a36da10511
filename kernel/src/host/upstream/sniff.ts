import { beginsAsEvents, type BodyReader, type BodySource } from '@ccr/sdk/kernel'

/** Enough is there to tell, in Latin-1: what begins no field, a word, or more than the longest has behind its mark. */
const DECIDES = /^\s*(?:[^\sdeir\u00ef]|\S+\s|\S{9})/
/** Of blanks alone no more is waited for. */
const MOST = 1024

/** A body of which the first characters are known. */
export interface Sniffed {
  readonly body: BodySource
  /** It begins as an event stream does. */
  readonly isEvents: boolean
}

/** Waits for the first characters of a body, which is then read from its beginning. */
export function sniff(body: BodySource): Promise<Sniffed> {
  return new Promise((resolve) => body.readTo(new Beginning(body, resolve)))
}

class Beginning implements BodySource, BodyReader {
  readonly #body: BodySource
  readonly #known: (sniffed: Sniffed) => void
  #held = Buffer.alloc(0)
  #reader: BodyReader | undefined
  /** Lets what gives the body go on, which waits until what is held was taken. */
  #goOn: () => void = () => undefined
  /** How it ended before anybody read it. */
  #last: ((reader: BodyReader) => void) | undefined

  constructor(body: BodySource, known: (sniffed: Sniffed) => void) {
    this.#body = body
    this.#known = known
  }

  readTo(reader: BodyReader): void {
    this.#reader = reader
    const goOn = (): void => (this.#last ? this.#last(reader) : this.#goOn())
    const busy = this.#held.length > 0 ? reader.piece(this.#held) : undefined
    this.#held = Buffer.alloc(0)
    if (busy) void busy.then(goOn)
    else goOn()
  }

  leave(): void {
    this.#body.leave()
  }

  piece(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#reader) return this.#reader.piece(bytes)
    // A copy: the read belongs to its source.
    this.#held = Buffer.concat([this.#held, bytes])
    if (this.#held.length < MOST && !DECIDES.test(this.#held.toString('latin1'))) return undefined
    this.#tell()
    return new Promise((resolve) => (this.#goOn = resolve))
  }

  end(): void {
    if (this.#reader) return this.#reader.end()
    this.#last = (reader) => reader.end()
    this.#tell()
  }

  fail(reason: unknown): void {
    if (this.#reader) return this.#reader.fail(reason)
    this.#last = (reader) => reader.fail(reason)
    this.#tell()
  }

  #tell(): void {
    // Without a byte order mark.
    const beginning = new TextDecoder().decode(this.#held.subarray(0, MOST))
    this.#known({ body: this, isEvents: beginsAsEvents(beginning) })
  }
}
