import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Generation } from '../core/generation.ts'
import { isBuiltinFile } from '../load/builtin.ts'
import { createPrivateDirectory, writePrivateFile } from '../load/private-files.ts'

/** Remembers for safe mode which third-party entries take part in onRequest. */
export class GuardRecord {
  readonly #home: string
  #written = ''

  constructor(home: string) {
    this.#home = home
  }

  /** @param leftOut ids of entries that do not run; of them stays known what was */
  async keep({ instances }: Generation, leftOut: ReadonlySet<string>): Promise<void> {
    const before = leftOut.size === 0 ? [] : [...(await readGuards(this.#home))]
    const own = instances.filter(({ entry }) => !isBuiltinFile(entry.file))
    const rows = new Map([
      ...before.filter(([owner]) => leftOut.has(idOf(owner))),
      ...own.map(({ owner, taps }) => [owner, taps.some(({ hook }) => hook === 'onRequest')] as const),
    ])
    const text = `${JSON.stringify(Object.fromEntries(rows))}\n`
    if (text === this.#written) return
    this.#written = text
    // What is not there need not be told from a guard.
    if (rows.size === 0) return rm(recordFile(this.#home), { force: true })
    await createPrivateDirectory(join(this.#home, 'run'))
    await writePrivateFile(recordFile(this.#home), text)
  }
}

/** Whether a third-party entry tapped onRequest as it ran last, by its name among those of all profiles. */
export async function readGuards(home: string): Promise<ReadonlyMap<string, unknown>> {
  return new Map(Object.entries(await readRecord(home)))
}

async function readRecord(home: string): Promise<object> {
  try {
    return Object(JSON.parse(await readFile(recordFile(home), 'utf8'))) as object
  } catch {
    return {}
  }
}

/** The entry that the second part of its name among those of all profiles stands for. */
export function idOf(owner: string): string {
  return decodeURIComponent(owner.slice(owner.indexOf('/') + 1))
}

function recordFile(home: string): string {
  return join(home, 'run', 'guards.json')
}
