import { processStart } from '../host/process-start.ts'

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it started, in words of the system that only compare for equality. */
  readonly start: string
}

/** Who has this process id now; nothing when nobody runs under it. */
export function identify(pid: number): ProcessIdentity | undefined {
  const start = Number.isSafeInteger(pid) && pid > 0 ? processStart(pid) : undefined
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
