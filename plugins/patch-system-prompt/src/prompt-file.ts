import { readFile, stat } from 'node:fs/promises'

/** How long a prompt is taken for unchanged, in milliseconds. */
const FRESH_MS = 1_000
const LARGEST_BYTES = 1024 * 1024

/** A file of text that may change at any time. */
export class PromptFile {
  readonly #file: string
  readonly #now: () => number
  #known: { readonly signature: string; readonly text: string } | undefined
  #lookedAt = Number.NEGATIVE_INFINITY

  /** @param now milliseconds of a clock that only moves forward */
  constructor(file: string, now: () => number) {
    this.#file = file
    this.#now = now
  }

  /**
   * The text as it is now, or was up to a second ago.
   *
   * @throws Error when the file cannot be read, or is larger than 1 MiB
   */
  async read(): Promise<string> {
    const now = this.#now()
    if (this.#known && now - this.#lookedAt < FRESH_MS) return this.#known.text
    const { ino, size, mtimeNs } = await stat(this.#file, { bigint: true })
    if (size > LARGEST_BYTES) throw new Error(`it is larger than ${LARGEST_BYTES} bytes`)
    const signature = `${ino} ${size} ${mtimeNs}`
    if (this.#known?.signature !== signature) this.#known = { signature, text: await readFile(this.#file, 'utf8') }
    this.#lookedAt = now
    return this.#known.text
  }
}
