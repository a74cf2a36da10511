import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CcrError, messageOf } from '@ccr/sdk'
import { codeOf } from '../load/code-of.ts'
import type { CommandContext } from './context.ts'
import { poll } from './poll.ts'
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts'

/** How long a command waits for another one's change. */
const WAIT_MS = 60_000
/** Between the creation of a lock and its content lies far less. */
const UNWRITTEN_MS = 10_000

/**
 * Runs an action that no other command's may overlap, so that no edit is lost. The lock of a process that no longer
 * runs is taken over.
 *
 * @throws CcrError `CCR_CONFIG_EDIT` when another command does not end in time
 */
export async function withChangeLock<Result>(
  { home }: CommandContext,
  action: () => Promise<Result>,
  waitMs = WAIT_MS,
): Promise<Result> {
  const file = join(home, 'run', 'change.lock')
  mkdirSync(join(home, 'run'), { recursive: true, mode: 0o700 })
  const taken = await poll(() => take(file), { deadlineMs: waitMs, intervalMs: 25 })
  if (taken === undefined) {
    const message = `another command has been changing the config for ${waitMs / 1000} s. Wait for it, or end it`
    throw new CcrError('CCR_CONFIG_EDIT', `${message}; its lock is ${file}.`, { at: file })
  }
  try {
    return await action()
  } finally {
    rmSync(file, { force: true })
  }
}

function take(file: string): true | undefined {
  try {
    writeFileSync(file, JSON.stringify(identify(process.pid)), { flag: 'wx', mode: 0o600 })
    return true
  } catch (thrown) {
    if (codeOf(thrown) !== 'EEXIST') {
      // Where the disk is full the file was made all the same.
      rmSync(file, { force: true })
      throw unwritable(file, thrown)
    }
  }
  // Of several that find an abandoned lock one removes it: whoever makes the second file.
  if (!isAbandoned(file)) return undefined
  const takeover = `${file}.takeover`
  try {
    writeFileSync(takeover, '', { flag: 'wx', mode: 0o600 })
  } catch (thrown) {
    if (codeOf(thrown) !== 'EEXIST') throw unwritable(takeover, thrown)
    if (isOld(takeover)) rmSync(takeover, { force: true })
    return undefined
  }
  if (isAbandoned(file)) rmSync(file, { force: true })
  rmSync(takeover, { force: true })
  return undefined
}

function unwritable(file: string, cause: unknown): CcrError {
  const fact = `${file} cannot be written (${codeOf(cause) ?? messageOf(cause)})`
  const message = `${fact}; nothing was changed. Make room, or make its folder writable.`
  return new CcrError('CCR_CONFIG_EDIT', message, { at: file, cause })
}

function isAbandoned(file: string): boolean {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity
    return !isRunning(holder)
  } catch (thrown) {
    return codeOf(thrown) !== 'ENOENT' && isOld(file)
  }
}

function isOld(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false })
  return found !== undefined && Date.now() - found.mtimeMs > UNWRITTEN_MS
}
