import { once } from 'node:events'
import { rename, stat } from 'node:fs/promises'
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
 * failure. When it is full it takes the place of the one before, `<file>.1`, and a new one begins. Lines wait as bytes:
 * kept as strings they outlive the young generation, which made a small request's garbage three times as expensive to
 * collect.
 */
export class LogFile {
  readonly #destination: Destination
  readonly #redact: Redact
  readonly #file: string
  #limit: number
  readonly #batch = new LineBuffer(BATCH_BYTES)
  #timer: NodeJS.Timeout | undefined
  #failing = false
  /** Bytes in the file. */
  #size: number
  #moving: Promise<void> | undefined

  /**
   * Opens the file, or begins a new one when it is full.
   *
   * @param redact applied to everything that is written
   * @param limit length of a full file, in bytes; what is on its way then still goes into it
   */
  static async open(file: string, redact: Redact, limit: number): Promise<LogFile> {
    const size = (await stat(file).catch(() => undefined))?.size ?? 0
    if (size <= limit) return new LogFile(file, redact, limit, size)
    const moved = await rename(file, `${file}.1`).then(
      () => true,
      () => false,
    )
    return new LogFile(file, redact, limit, moved ? 0 : size)
  }

  private constructor(file: string, redact: Redact, limit: number, size: number) {
    this.#file = file
    this.#redact = redact
    this.#limit = limit
    this.#size = size
    const options = { dest: file, sync: false, append: true, mode: 0o600, minLength: 0 }
    this.#destination = pino.destination({ ...options, maxLength: BACKLOG, maxWrite: BACKLOG })
    this.#destination.on('error', () => (this.#failing = true))
    this.#destination.on('drop', () => (this.#failing = true))
    this.#destination.on('write', (bytes: number) => {
      this.#failing = false
      this.#size += bytes
      if (this.#size > this.#limit) this.#moving ??= this.#moveAway()
    })
  }

  /** The last write failed; lines are kept, and at last dropped, until one succeeds. */
  get failing(): boolean {
    return this.#failing
  }

  /** @param line with its line end */
  write(line: string): void {
    if (!this.#add((batch) => batch.text(line))) this.#store(line)
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
    this.#store(`${beginning}${rest === '}' ? '' : ','}${rest}\n`)
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
  async close(): Promise<void> {
    // Nothing can be opened any more once it ends.
    this.#limit = Infinity
    this.#flush()
    await this.#moving
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
    const text = this.#batch.toString()
    this.#batch.reset(0)
    this.#store(text)
  }

  #store(text: string): void {
    this.#destination.write(this.#redact(text))
  }

  async #moveAway(): Promise<void> {
    // Where it cannot, the next attempt is made when as much again was written.
    this.#size = 0
    try {
      await rename(this.#file, `${this.#file}.1`)
      const ready = once(this.#destination, 'ready')
      this.#destination.reopen()
      await ready
    } catch {
      // What is open stays open, and no line is lost.
    }
    this.#moving = undefined
  }
}
