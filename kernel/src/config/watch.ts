import type { watch } from 'chokidar'
import type { Log } from '../core/log.ts'
import { codeOf } from '../load/code-of.ts'
import { changedSince, ContentReader, holdsText, isUnfinished, type Content, type Contents } from './watch-content.ts'
import { FolderWatcher } from './watch-folders.ts'
import { placesOf } from './watch-places.ts'

/** Changes that do not end are taken after this many times the quiet time. */
const MAX_QUIET_TIMES = 10
/** A maker of changes that does not end is not waited for beyond this many times the quiet time. */
const MAX_BUSY_TIMES = 100

const RELOAD = '`ccr reload`'

/** What is read, and what was there before: made before reading begins, so that a change in between is seen. */
export interface Reading {
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly before: Contents
  /** Which file stood at each of these paths; another stamp means that it was saved since. */
  readonly stamps: ReadonlyMap<string, string | undefined>
  /** Absolute paths of the files that are looked at, existing or not; whoever reads adds to it. */
  readonly files: Set<string>
}

/** A reading of which nothing is known yet. */
export function beginReading(before: Contents = new Map(), stamps: Reading['stamps'] = new Map()): Reading {
  return { startedAt: Date.now(), before, stamps, files: new Set() }
}

/** The same reading, for whoever has just written what was read, by path: that is no change to be told. */
export async function readingAfter(reading: Reading, written: ReadonlyMap<string, string>): Promise<Reading> {
  const reader = new ContentReader()
  const now = await reader.read(written.keys())
  const before = new Map(reading.before)
  const stamps = new Map(reading.stamps)
  for (const [path, text] of written) {
    const content = now.get(path)
    // Somebody else may have written it once more.
    if (content === undefined || !holdsText(content, text)) continue
    before.set(path, content)
    stamps.set(path, reader.stampOf(path))
  }
  return { ...reading, before, stamps }
}

/** Times in milliseconds. */
export interface WatchTimes {
  /** How long the files must be quiet before a change is told. */
  readonly quietMs: number
  /** Interval in which the files are looked at although nothing was heard of them. */
  readonly pollMs: number
}

/** What a watcher needs. */
export interface InputWatcherOptions {
  readonly log: Log
  /** Told when a file is not what it was, and of no other change until it is done; it has to follow the files anew. */
  readonly changed: () => Promise<unknown>
  /** Whether somebody is in the middle of a change of several files, which is then told when he has ended. */
  readonly busy?: (() => boolean) | undefined
  /** Opens the watcher of one folder. */
  readonly open?: typeof watch | undefined
}

/**
 * Watches the files that a generation was made from. What the system tells of them is only a hint: it says when to
 * look, and their content says whether anything changed.
 */
export class InputWatcher {
  readonly #log: Log
  readonly #changed: () => Promise<unknown>
  readonly #busy: () => boolean
  readonly #folders: FolderWatcher
  readonly #reader = new ContentReader()
  /** Folders whose failure was told; there are no more than were ever watched. */
  readonly #told = new Set<string>()
  #contents = new Map<string, Content | undefined>()
  #times: WatchTimes = { quietMs: 0, pollMs: 0 }
  #hintedAt: number | undefined
  #quiet: NodeJS.Timeout | undefined
  #poll: NodeJS.Timeout | undefined
  #arming: Promise<void> = Promise.resolve()
  #looking = false
  #again = false
  #closed = false

  constructor({ log, changed, busy = () => false, open }: InputWatcherOptions) {
    this.#log = log
    this.#changed = changed
    this.#busy = busy
    const failed = (folder: string, error: Error): void => this.#tell(folder, error)
    this.#folders = new FolderWatcher({ hint: () => this.#hint(), failed }, open)
  }

  /** Some folder cannot be watched: its changes are seen late. */
  get failing(): boolean {
    return this.#folders.failing
  }

  /** To be called before the files are read again. */
  async beginReading(): Promise<Reading> {
    const before = await this.#reader.read(this.#contents.keys())
    return beginReading(before, new Map([...before.keys()].map((path) => [path, this.#reader.stampOf(path)])))
  }

  /** Watches these files, and no others, from the state in which this reading found them. */
  async follow(files: Iterable<string>, { startedAt, before, stamps }: Reading, times: WatchTimes): Promise<void> {
    if (this.#closed) return
    this.#times = times
    const paths = [...new Set(files)]
    const fresh = await this.#reader.read(paths)
    // A file that was saved meanwhile may have been read as it was only for a moment, and what became known by the
    // reading itself may have changed after it was read: then nothing is known of it.
    const known = await Promise.all(
      paths.map(async (path) => {
        const saved = before.has(path)
          ? stamps.get(path) !== this.#reader.stampOf(path)
          : await changedSince(path, startedAt)
        return [path, saved ? undefined : (before.get(path) ?? fresh.get(path))] as const
      }),
    )
    this.#contents = new Map(known)
    await this.#arm()
    this.#wait()
    if (known.some(([path, content]) => content !== fresh.get(path))) this.#hint()
  }

  /** Ends every watcher and timer. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#quiet)
    clearTimeout(this.#poll)
    this.#folders.close()
  }

  #hint(): void {
    if (this.#closed) return
    const now = performance.now()
    this.#hintedAt ??= now
    const left = this.#hintedAt + MAX_QUIET_TIMES * this.#times.quietMs - now
    this.#lookIn(Math.max(0, Math.min(this.#times.quietMs, left)))
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#quiet)
    if (this.#closed) return
    this.#quiet = setTimeout(() => this.#look(), ms)
    this.#quiet.unref()
  }

  #look(): void {
    const since = this.#hintedAt ?? performance.now()
    this.#hintedAt = undefined
    if (this.#looking) {
      this.#again = true
      return
    }
    this.#looking = true
    void this.#compare(since)
      .catch((err: unknown) => this.#log.error({ err }, 'watched files could not be compared'))
      .finally(() => {
        this.#looking = false
        if (!this.#again) return
        this.#again = false
        this.#hint()
      })
  }

  async #compare(since: number): Promise<void> {
    // The folders first: one that was replaced may hold other files by now.
    await this.#arm()
    const found = await this.#differences()
    if (found.length === 0) return
    const unfinished = found.some(([before, now]) => isUnfinished(now) && !isUnfinished(before))
    const times = unfinished ? MAX_QUIET_TIMES : this.#busy() ? MAX_BUSY_TIMES : 0
    if (performance.now() - since >= times * this.#times.quietMs) return void (await this.#changed())
    this.#hintedAt = Math.min(this.#hintedAt ?? since, since)
    this.#lookIn(this.#times.quietMs)
  }

  /** What is known of the paths that do not hold it any more, and what now stands there. */
  async #differences(): Promise<readonly (readonly [Content | undefined, Content | undefined])[]> {
    const contents = this.#contents
    const now = await this.#reader.read(contents.keys())
    const pairs = [...contents].map(([path, content]) => [content, now.get(path)] as const)
    return pairs.filter(([before, after]) => before !== after)
  }

  /** Places are looked up one after the other, so that the last call says what is watched. */
  #arm(): Promise<void> {
    this.#arming = this.#arming
      .then(async () => this.#folders.arm(await placesOf([...this.#contents.keys()])))
      .catch((err: unknown) => this.#log.warn({ err }, `files cannot be watched; ${RELOAD} takes changes`))
    return this.#arming
  }

  /** Looks by itself from time to time, for what no system tells: a folder far above was replaced, a network file. */
  #wait(): void {
    clearTimeout(this.#poll)
    if (this.#closed || this.#contents.size === 0) return
    this.#poll = setTimeout(() => {
      void Promise.all([this.#differences(), this.#arm()])
        .then(([found]) => found.length > 0 && this.#hintedAt === undefined && this.#hint())
        .catch((err: unknown) => this.#log.error({ err }, 'watched files could not be compared'))
        .finally(() => this.#wait())
    }, this.#times.pollMs)
    this.#poll.unref()
  }

  #tell(folder: string, error: Error): void {
    if (this.#closed || this.#told.has(folder)) return
    this.#told.add(folder)
    const seconds = this.#times.pollMs / 1_000
    this.#log.warn(
      { folder, code: codeOf(error) },
      `the folder cannot be watched: ${error.message}. Changes in it are seen within ${seconds} s; ` +
        `${RELOAD} takes them at once.`,
    )
  }
}
