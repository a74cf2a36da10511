import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const SESSIONS = 1_000
/** How long it is believed that a session has no project, in milliseconds: its transcript may come any moment. */
const ABSENT_MS = 2_000
/** More folders than this are not looked through. */
const FOLDERS = 5_000

/** Only such an identifier may become a part of a path. */
export function isSafeSessionId(id: string | undefined): id is string {
  return id !== undefined && /^[A-Za-z0-9-]{1,64}$/.test(id)
}

/** Finds the folder that Claude Code keeps for a project by the transcript of one of its sessions. */
export class ProjectFolders {
  readonly #projects: string
  readonly #now: () => number
  readonly #known = new Map<string, { readonly folder: string | undefined; readonly at: number }>()

  /**
   * @param projects the folder that has one for each project, named after its path
   * @param now milliseconds of a clock that only moves forward
   */
  constructor(projects: string, now: () => number) {
    this.#projects = projects
    this.#now = now
  }

  /** The name of the project's folder, nothing where none has this session's transcript; at once if known. */
  folderOf(sessionId: string): string | undefined | Promise<string | undefined> {
    const known = this.#known.get(sessionId)
    const now = this.#now()
    const isKnown = known && (known.folder !== undefined || now - known.at < ABSENT_MS)
    return isKnown ? known.folder : this.#look(sessionId, now)
  }

  async #look(sessionId: string, now: number): Promise<string | undefined> {
    const folder = await this.#find(`${sessionId}.jsonl`)
    this.#known.delete(sessionId)
    this.#known.set(sessionId, { folder, at: now })
    if (this.#known.size > SESSIONS) this.#known.delete(this.#known.keys().next().value!)
    return folder
  }

  async #find(transcript: string): Promise<string | undefined> {
    const entries = await readdir(this.#projects, { withFileTypes: true }).catch(() => [])
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    const found = await Promise.all(
      folders.slice(0, FOLDERS).map((name) =>
        stat(join(this.#projects, name, transcript)).then(
          (stats) => stats.isFile(),
          () => false,
        ),
      ),
    )
    return folders[found.indexOf(true)]
  }
}
