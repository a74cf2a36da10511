import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { lockFile } from '../load/lock.ts'
import { createPrivateDirectory, writePrivateFile } from '../load/private-files.ts'
import { holderOf } from '../load/process-lock.ts'
import { readState, type ConfigDraft, type ConfigState } from './draft.ts'

/** Held by a command while it changes files of a home. */
export function changeLock(home: string): string {
  return join(home, 'run', 'change.lock')
}

/** Whether a command is in the middle of a change: what stands in the files now is not yet what it is to be. */
export function isChanging(home: string): boolean {
  return holderOf(changeLock(home)) !== undefined
}

/** A change of config and lock that has begun: what either file held, and is to hold. */
interface Journal {
  readonly config: string
  readonly configAfter: string
  readonly lockBefore: string | null
  readonly lockAfter: string
}

/**
 * Notes a change of both files before it is made, because two files cannot be replaced in one step: whoever finds the
 * note later, after a crash, brings the lock in line with the config.
 */
export async function beginChange(home: string, base: ConfigState, { config, lock }: ConfigDraft): Promise<void> {
  if (config === undefined || lock === undefined) return
  const journal: Journal = {
    config: base.file,
    configAfter: hash(config),
    lockBefore: base.lock ?? null,
    lockAfter: lock,
  }
  await createPrivateDirectory(join(home, 'run'))
  await writePrivateFile(journalFile(home), JSON.stringify(journal))
}

/** The change is made, or was given up. */
export async function endChange(home: string): Promise<void> {
  await rm(journalFile(home), { force: true })
}

/** Ends what a crash left in its middle: forwards when the config was written, else back. */
export async function endInterrupted(home: string): Promise<void> {
  const text = await readFile(journalFile(home), 'utf8').catch(() => undefined)
  if (text === undefined) return
  const journal = JSON.parse(text) as Journal
  const { config, lock } = await readState(home, journal.config)
  const isMade = config !== undefined && hash(config) === journal.configAfter
  const wanted = isMade ? journal.lockAfter : (journal.lockBefore ?? undefined)
  const isOurs = lock === journal.lockAfter || lock === (journal.lockBefore ?? undefined)
  if (isOurs && lock !== wanted) {
    if (wanted === undefined) await rm(lockFile(home), { force: true })
    else await writePrivateFile(lockFile(home), wanted)
  }
  await endChange(home)
}

function journalFile(home: string): string {
  return join(home, 'run', 'change.json')
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
