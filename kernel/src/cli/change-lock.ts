import { mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { CcrError, messageOf } from '@ccr/sdk'
import { changeLock } from '../config/journal.ts'
import { codeOf } from '../load/code-of.ts'
import { takeLock } from '../load/process-lock.ts'
import type { CommandContext } from './context.ts'
import { poll } from './poll.ts'

/** How long a command waits for another one's change. */
const WAIT_MS = 60_000

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
  const file = changeLock(home)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
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
    return takeLock(file) || undefined
  } catch (thrown) {
    throw unwritable(file, thrown)
  }
}

function unwritable(file: string, cause: unknown): CcrError {
  const fact = `${file} cannot be written (${codeOf(cause) ?? messageOf(cause)})`
  const message = `${fact}; nothing was changed. Make room, or make its folder writable.`
  return new CcrError('CCR_CONFIG_EDIT', message, { at: file, cause })
}
