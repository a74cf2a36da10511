import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { codeOf } from './code-of.ts'

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it started, in words of the system that only compare for equality. */
  readonly start: string
}

/** Who has this process id now; nothing when nobody runs under it. */
export function identify(pid: number): ProcessIdentity | undefined {
  const start = Number.isSafeInteger(pid) && pid > 0 ? startOf(pid) : undefined
  return start === undefined ? undefined : { pid, start }
}

/** Whether this very process still runs. A zombie does not: it only waits to be reaped. */
export function isRunning(identity: ProcessIdentity): boolean {
  const found = identify(identity.pid)
  return found !== undefined && found.start === identity.start
}

/** Whether the system tells when a process started; without it an identity proves nothing. */
export function isProven(identity: ProcessIdentity): boolean {
  return identity.start !== 'unknown' && isRunning(identity)
}

/** Whether anybody has this process id, be it somebody later; also where the system does not let us ask. */
export function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return codeOf(thrown) === 'EPERM'
  }
}

function startOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      // The command's name is in parentheses and may hold anything; state is the first field behind it, start the 20th.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' ? undefined : fields[19]
    }
    if (!isTaken(pid)) return undefined
    if (process.platform === 'win32') return 'unknown'
    // Else the words depend on where whoever asks is, and on their language.
    const env = { ...process.env, TZ: 'UTC0', LC_ALL: 'C' }
    const options = { encoding: 'latin1', timeout: 5_000, env } as const
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], options).trim() || undefined
  } catch {
    return undefined
  }
}
