import pino from 'pino'
import type { Redact } from './redact.ts'

const FLUSH_MS = 100
const BATCH_BYTES = 64 * 1024
// No character of a string needs more in UTF-8.
const MOST_BYTES = 3
// What a disk that takes no more may hold up, in bytes; further lines are dropped.
const BACKLOG = 4 * 1024 * 1024
const CLOSE_MS = 2_000

type Destination = ReturnType<typeof pino.destination>

/**
 * A log file that is written behind, many lines at once: a line costs its caller a string, never a wait, never a
 * failure. Lines wait as bytes: kept as strings they outlive the young generation, which made a small request's garbage
 * three times as expensive to collect.
 */
export class LogFile {
  readonly #destination: Destination
  readonly #redact: Redact
  readonly #batch = Buffer.allocUnsafe(BATCH_BYTES)
  #used = 0
  #timer: NodeJS.Timeout | undefined
  #failing = false

  /** @param redact applied to everything that is written */
  constructor(file: string, redact: Redact) {
    this.#redact = redact
    const options = { dest: file, sync: false, append: true, mode: 0o600, minLength: 0 }
    this.#destination = pino.destination({ ...options, maxLength: BACKLOG, maxWrite: BACKLOG })
    this.#destination.on('error', () => (this.#failing = true))
    this.#destination.on('drop', () => (this.#failing = true))
    this.#destination.on('write', () => (this.#failing = false))
  }

  /** The last write failed; lines are kept, and at last dropped, until one succeeds. */
  get failing(): boolean {
    return this.#failing
  }

  /** @param line with its line end */
  write(line: string): void {
    const most = line.length * MOST_BYTES
    if (most > BATCH_BYTES - this.#used) this.#flush()
    if (most > BATCH_BYTES) return void this.#destination.write(this.#redact(line))
    this.#used += this.#batch.write(line, this.#used)
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
  }

  /** Writes what is left; at most 2 s. */
  close(): Promise<void> {
    this.#flush()
    return new Promise((resolve) => {
      const limit = setTimeout(() => {
        this.#destination.destroy()
        resolve()
      }, CLOSE_MS)
      this.#destination.once('close', () => {
        clearTimeout(limit)
        resolve()
      })
      this.#destination.end()
    })
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#used === 0) return
    const text = this.#redact(this.#batch.toString('utf8', 0, this.#used))
    this.#used = 0
    this.#destination.write(text)
  }
}
