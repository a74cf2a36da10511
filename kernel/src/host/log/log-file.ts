import { close, constants, fstat, open } from 'node:fs'
import { mkdir, realpath, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import pino from 'pino'
import { codeOf } from '../../load/code-of.ts'
import type { Redact } from './redact.ts'

const FLUSH_MS = 100
const BATCH_BYTES = 64 * 1024
/** No character of a string needs more bytes in UTF-8. */
const MOST_BYTES = 3
// What a disk that takes no more may hold up, in bytes; further lines are dropped.
const BACKLOG = 4 * 1024 * 1024
const CLOSE_MS = 2_000
/** How often it is looked whether the file was removed. */
const LOOK_MS = 1_000

type Destination = ReturnType<typeof pino.destination>

/**
 * A log file that is written behind, many lines at once: a line costs its caller some bytes, never a wait, never a
 * failure. When it is full it takes the place of the one before, `<file>.1`, and a new one begins. Lines wait as bytes:
 * kept as strings they outlive the young generation, which made a small request's garbage three times as expensive to
 * collect.
 */
export class LogFile {
  readonly #file: string
  readonly #redact: Redact
  readonly #limit: number
  readonly #batch = Buffer.allocUnsafe(BATCH_BYTES)
  #used = 0
  #destination: Destination
  #descriptor: number
  /** Of it, and of those before it that still write what they were given. */
  readonly #open = new Set<Destination>()
  #ended: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  /** Bytes in the file. */
  #size = 0
  #lookedAt = performance.now()
  #failing = false
  #moving = false
  #homeless = false
  #closed = false

  /**
   * Opens the file, or begins a new one when it is full. A link stays one: what it leads to is the file.
   *
   * @param redact applied to everything that is written
   * @param limit length of a full file, in bytes; what is on its way then still goes into it
   * @throws Error of the system when it cannot be opened
   */
  static async open(path: string, redact: Redact, limit: number): Promise<LogFile> {
    const descriptor = await openToAppend(path)
    const file = await realpath(path)
    const found = await describe(descriptor)
    // A device, such as /dev/null, never is full.
    const log = new LogFile(file, redact, found.isFile() ? limit : Infinity, descriptor)
    log.#size = found.size
    if (log.#size > log.#limit) await log.#moveAway()
    return log
  }

  private constructor(file: string, redact: Redact, limit: number, descriptor: number) {
    this.#file = file
    this.#redact = redact
    this.#limit = limit
    this.#descriptor = descriptor
    this.#destination = this.#connect(descriptor)
  }

  /** The last write failed, and lines are kept, and at last dropped, until one succeeds; or no new file could begin. */
  get failing(): boolean {
    return this.#failing || this.#homeless
  }

  /** @param line with its line end */
  write(line: string): void {
    if (this.#closed) return
    const most = line.length * MOST_BYTES
    if (most > BATCH_BYTES - this.#used) this.#flush()
    if (most > BATCH_BYTES) return this.#store(line)
    this.#used += this.#batch.write(line, this.#used)
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
  }

  /** Writes what is left; at most 2 s. */
  close(): Promise<void> {
    return (this.#ended ??= this.#end())
  }

  #end(): Promise<void> {
    this.#flush()
    this.#closed = true
    return new Promise((resolve) => {
      const limit = setTimeout(() => {
        for (const destination of this.#open) destination.destroy()
        resolve()
      }, CLOSE_MS)
      for (const destination of this.#open)
        destination.once('close', () => {
          if (this.#open.size > 0) return
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
    const text = this.#batch.toString('utf8', 0, this.#used)
    this.#used = 0
    this.#store(text)
  }

  #store(text: string): void {
    this.#destination.write(this.#redact(text))
  }

  #connect(descriptor: number): Destination {
    const options = { dest: descriptor, sync: false, minLength: 0, maxLength: BACKLOG, maxWrite: BACKLOG }
    const destination = pino.destination(options)
    this.#open.add(destination)
    destination.on('close', () => this.#open.delete(destination))
    destination.on('error', () => (this.#failing = true))
    destination.on('drop', () => (this.#failing = true))
    destination.on('write', (bytes: number) => {
      this.#failing = false
      // What the one before still had on its way is not in this file.
      if (destination !== this.#destination) return
      this.#size += bytes
      if (this.#moving || this.#closed) return
      if (this.#size > this.#limit) void this.#moveAway()
      else if (performance.now() - this.#lookedAt > LOOK_MS) void this.#look()
    })
    return destination
  }

  /** A file that somebody has removed takes lines which nobody can read: another one begins in its place. */
  async #look(): Promise<void> {
    this.#lookedAt = performance.now()
    const found = await describe(this.#descriptor).catch(() => undefined)
    if (found?.nlink === 0 && !this.#moving && !this.#closed) await this.#moveAway()
  }

  async #moveAway(): Promise<void> {
    this.#moving = true
    // Where it cannot be moved, the next attempt is made when as much again was written.
    this.#size = 0
    if (await this.#isAway()) await this.#begin()
    this.#moving = false
  }

  /** Makes the file the one before, if it still is the one that is written; whether nothing of it stands there now. */
  async #isAway(): Promise<boolean> {
    try {
      const there = await stat(this.#file)
      const { dev, ino } = await describe(this.#descriptor)
      // Somebody else has moved it, and begun another one.
      if (there.dev !== dev || there.ino !== ino) return true
      await rename(this.#file, `${this.#file}.1`)
      return true
    } catch (thrown) {
      return codeOf(thrown) === 'ENOENT'
    }
  }

  /** Begins a new file. Where that cannot be, lines go on to where they went, and it is tried again with the next. */
  async #begin(): Promise<void> {
    // With its folder, where that was removed too, but nothing above.
    await mkdir(dirname(this.#file), { mode: 0o700 }).catch(() => undefined)
    const descriptor = await openToAppend(this.#file).catch(() => undefined)
    this.#homeless = descriptor === undefined
    if (descriptor === undefined) this.#size = this.#limit
    else if (this.#closed) close(descriptor)
    else {
      this.#destination.end()
      this.#descriptor = descriptor
      this.#destination = this.#connect(descriptor)
    }
  }
}

const openFile = promisify(open)
const describe = promisify(fstat)

/** To be opened at once or not at all; a pipe would wait for its reader. */
const FLAGS = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | (constants.O_NONBLOCK ?? 0)

function openToAppend(path: string): Promise<number> {
  return openFile(path, FLAGS, 0o600)
}
