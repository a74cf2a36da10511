import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessIdentity } from '../../load/process-identity.ts'

/** What `ccr start` was asked for, beyond the config. */
export interface StartOptions {
  readonly port?: number | undefined
  readonly host?: string | undefined
  /** Absolute path of the config file. */
  readonly config?: string | undefined
}

/** How the router of a home was started. Written by the router once it is ready, so that only a winner writes. */
export interface StartRecord {
  readonly instanceId: string
  readonly options: StartOptions
  /** The drain that its config allowed: whoever stops it may lack the environment to read that config. */
  readonly drainMs?: number | undefined
  /** The process that starts it again after a crash. */
  readonly supervisor?: ProcessIdentity | undefined
}

/** The record of the last router of this home; `undefined` when there is none that can be read. */
export function readStartRecord(home: string): StartRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(fileOf(home), 'utf8')) as Partial<StartRecord> | null
    if (typeof record?.instanceId !== 'string' || typeof record.options !== 'object' || record.options === null)
      return undefined
    return record as StartRecord
  } catch {
    return undefined
  }
}

/** Replaces the record in one step. */
export function writeStartRecord(home: string, record: StartRecord): void {
  mkdirSync(join(home, 'run'), { recursive: true, mode: 0o700 })
  const temporary = `${fileOf(home)}.${process.pid}`
  writeFileSync(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 })
  renameSync(temporary, fileOf(home))
}

/** Forgets the record; a supervisor without one does not restart its router. */
export function removeStartRecord(home: string): void {
  rmSync(fileOf(home), { force: true })
}

/** The arguments that make `ccr start` use these options. */
export function toArguments(options: StartOptions): string[] {
  const parts: string[] = []
  if (options.port !== undefined) parts.push('--port', String(options.port))
  if (options.host !== undefined) parts.push('--host', options.host)
  if (options.config !== undefined) parts.push('--config', options.config)
  return parts
}

function fileOf(home: string): string {
  return join(home, 'run', 'start.json')
}
