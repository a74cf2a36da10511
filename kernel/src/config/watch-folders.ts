import { stat } from 'node:fs/promises'
import { basename, relative } from 'node:path'
import { watch, type FSWatcher } from 'chokidar'
import { ANY_NAME, type Place } from './watch-places.ts'

/** Whom a {@link FolderWatcher} tells. */
export interface FolderListener {
  /** Something may have changed at one of the places. */
  readonly hint: () => void
  /** A folder cannot be watched. */
  readonly failed: (folder: string, error: Error) => void
}

interface WatchedFolder {
  readonly watcher: FSWatcher
  /** Which folder stood at the path when it was opened. */
  readonly identity: string
  names: ReadonlySet<string>
  /** It was moved or deleted, or could not be watched: the watcher hears nothing of it. */
  stale: boolean
  failed: boolean
}

/**
 * Watches the folders of places, never the files alone: a watcher of a file dies when an editor replaces it. A folder
 * that was replaced itself is watched anew at the next {@link arm}.
 */
export class FolderWatcher {
  readonly #listener: FolderListener
  readonly #open: typeof watch
  readonly #folders = new Map<string, WatchedFolder>()
  #closed = false

  /** @param open opens the watcher of one folder */
  constructor(listener: FolderListener, open = watch) {
    this.#listener = listener
    this.#open = open
  }

  /** Some folder cannot be watched now. */
  get failing(): boolean {
    return [...this.#folders.values()].some((folder) => folder.failed)
  }

  /** Watches these places and no others. A folder that is new gives a hint when its watcher stands. */
  async arm(places: readonly Place[]): Promise<void> {
    const wanted = new Map<string, Set<string>>()
    for (const { folder, name } of places) wanted.set(folder, (wanted.get(folder) ?? new Set()).add(name))
    const identities = await Promise.all(
      [...wanted.keys()].map(async (folder) => [folder, await identify(folder)] as const),
    )
    if (this.#closed) return
    for (const folder of this.#folders.keys()) if (!wanted.has(folder)) this.#drop(folder)
    for (const [folder, identity] of identities) {
      const names = wanted.get(folder) ?? new Set()
      const existing = this.#folders.get(folder)
      if (existing !== undefined && existing.identity === identity && !existing.stale) {
        existing.names = names
      } else {
        this.#drop(folder)
        if (identity !== undefined) this.#watch(folder, identity, names)
      }
    }
  }

  /** Ends every watcher. */
  close(): void {
    this.#closed = true
    for (const folder of this.#folders.keys()) this.#drop(folder)
  }

  #watch(folder: string, identity: string, names: ReadonlySet<string>): void {
    const { hint, failed } = this.#listener
    const isWatched = (name: string): boolean => watched.names.has(name) || watched.names.has(ANY_NAME)
    const watcher = this.#open(folder, {
      depth: 0,
      // Whoever reads the files later waits until they are quiet.
      atomic: false,
      followSymlinks: false,
      ignoreInitial: true,
      ignorePermissionErrors: false,
      ignored: (path) => relative(folder, path) !== '' && !isWatched(relative(folder, path)),
    })
    const watched: WatchedFolder = { watcher, identity, names, stale: false, failed: false }
    this.#folders.set(folder, watched)
    watcher
      // Whoever looks tries a failed folder again, which must not make it look again.
      .on('ready', () => watched.failed || hint())
      .on('all', hint)
      // Named events are dropped when they follow each other fast, and none tells what becomes of the folder itself.
      .on('raw', (event, path: string | null) => {
        const name = path === null ? basename(folder) : basename(path)
        if (name === basename(folder) && event === 'rename') watched.stale = true
        if (name === basename(folder) || isWatched(name)) hint()
      })
      .on('error', (error) => {
        watched.stale = watched.failed = true
        failed(folder, error as Error)
      })
  }

  #drop(folder: string): void {
    const watched = this.#folders.get(folder)
    if (watched === undefined) return
    this.#folders.delete(folder)
    void watched.watcher.close()
  }
}

/** Device, inode and birth: an inode's number is used again as soon as its folder is deleted. */
async function identify(folder: string): Promise<string | undefined> {
  const stats = await stat(folder, { bigint: true }).catch(() => undefined)
  return stats?.isDirectory() === true ? [stats.dev, stats.ino, stats.birthtimeNs].join(' ') : undefined
}
