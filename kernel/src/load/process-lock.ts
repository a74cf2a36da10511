import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { codeOf } from './code-of.ts'
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts'

/** Between the creation of a lock and its content, and while one is taken over, lies far less, and no other work. */
export const UNWRITTEN_MS = 2_000

/**
 * Tries to make the file that is a lock, which says who holds it. One whose holder no longer runs, or that says nothing
 * for too long, counts as abandoned and is taken over. It is given back by removing the file.
 *
 * @param more what it says beside the process
 * @returns whether this process holds it now; when not, another try may do better
 * @throws whatever keeps the file from being written
 */
export function takeLock(file: string, more: object = {}): boolean {
  const holder = identify(process.pid) ?? { pid: process.pid, start: 'unknown' }
  const text = JSON.stringify({ ...holder, ...more })
  return createExclusively(file, text) || (isAbandoned(file) && removeAbandoned(file) && createExclusively(file, text))
}

/** What a lock says whose holder runs. */
export function holderOf<Holder extends ProcessIdentity>(file: string): Holder | undefined {
  const holder = toHolder<Holder>(read(file) ?? '')
  return holder && isRunning(holder) ? holder : undefined
}

function isAbandoned(file: string): boolean {
  const text = read(file)
  // It is gone, or another user's, of whom nothing is known.
  if (text === undefined) return false
  const holder = toHolder(text)
  // One that is created but not yet written has a maker that is at work.
  return holder === undefined ? isOld(file) : !isRunning(holder)
}

/** Of several that find the same abandoned lock one removes it, so that none removes a lock that is new by then. */
function removeAbandoned(file: string): boolean {
  const takeover = `${file}.takeover`
  if (!createExclusively(takeover, '')) {
    if (isOld(takeover)) rmSync(takeover, { force: true })
    return false
  }
  try {
    if (isAbandoned(file)) rmSync(file, { force: true })
  } finally {
    rmSync(takeover, { force: true })
  }
  return true
}

/** At once, so that nothing comes between the file and its content. */
function createExclusively(file: string, text: string): boolean {
  let handle: number
  try {
    handle = openSync(file, 'wx', 0o600)
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') return false
    throw thrown
  }
  try {
    writeSync(handle, text)
  } catch (thrown) {
    // Where the disk is full the file was made all the same.
    rmSync(file, { force: true })
    throw thrown
  } finally {
    closeSync(handle)
  }
  return true
}

function isOld(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false })
  return found !== undefined && Date.now() - found.mtimeMs > UNWRITTEN_MS
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function toHolder<Holder extends ProcessIdentity>(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Holder) : undefined
  } catch {
    return undefined
  }
}
