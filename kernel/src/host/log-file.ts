import pino from 'pino'
import { LineBuffer } from './log-line.ts'
import type { Redact } from './redact.ts'

const FLUSH_MS = 100
const BATCH_BYTES = 64 * 1024
// What a disk that takes no more may hold up, in bytes; further lines are dropped.
const BACKLOG = 4 * 1024 * 1024
const CLOSE_MS = 2_000

type Destination = ReturnType<typeof pino.destination>

/**
 * A log file that is written behind, many lines at once: a line costs its caller some bytes, never a wait, never a
 * failure. Lines wait as bytes: kept as strings they outlive the young generation, which made a small request's garbage
 * three times as expensive to collect.
 */
export class LogFile {
  readonly #destination: Destination
  readonly #redact: Redact
  readonly #batch = new LineBuffer(BATCH_BYTES)
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
    if (!this.#add((batch) => batch.text(line))) this.#destination.write(this.#redact(line))
  }

  /** Writes a line of JSON: the beginning of an object, and the members of others. */
  record(beginning: string, ...fields: readonly object[]): void {
    const added = this.#add((batch) => {
      batch.text(beginning)
      for (const one of fields) batch.members(one)
      batch.text('}\n')
    })
    if (added) return
    const rest = JSON.stringify(Object.assign({}, ...fields)).slice(1)
    this.#destination.write(this.#redact(`${beginning}${rest === '}' ? '' : ','}${rest}\n`))
  }

  /** Whether there was room, when the lines before were written. */
  #add(write: (batch: LineBuffer) => void): boolean {
    const before = this.#batch.used
    let whole = false
    try {
      write(this.#batch)
      whole = !this.#batch.full
    } finally {
      // Half a line is none, also when a field cannot be written.
      if (!whole) this.#batch.reset(before)
    }
    if (!whole) {
      this.#flush()
      return before > 0 && this.#add(write)
    }
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
    return true
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
    if (this.#batch.used === 0) return
    const text = this.#redact(this.#batch.toString())
    this.#batch.reset(0)
    this.#destination.write(text)
  }
}
