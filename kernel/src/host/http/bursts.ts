const FIRST_MS = 1_000
const NEXT_MS = 60_000

/**
 * Counts what may happen thousands of times at once, so that it does not fill the log: told is how many there were, a
 * second after the first and then once a minute as long as there are more.
 */
export class Bursts {
  readonly #tell: (count: number) => void
  #count = 0
  #timer: NodeJS.Timeout | undefined

  constructor(tell: (count: number) => void) {
    this.#tell = tell
  }

  add(): void {
    this.#count++
    this.#timer ??= setTimeout(() => this.#due(), FIRST_MS).unref()
  }

  /** Tells now what was not told yet. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#flush()
  }

  #due(): void {
    this.#timer = this.#flush() ? setTimeout(() => this.#due(), NEXT_MS).unref() : undefined
  }

  #flush(): boolean {
    const count = this.#count
    this.#count = 0
    if (count > 0) this.#tell(count)
    return count > 0
  }
}
