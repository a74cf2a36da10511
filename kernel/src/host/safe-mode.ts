import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ownerOf } from '../core/instance.ts'
import type { Generation } from '../core/generation.ts'
import { createPrivateDirectory, writePrivateFile } from '../load/private-files.ts'
import { isBuiltinFile } from './cold-start.ts'
import type { Refusal } from './failure-answer.ts'

/** Why a router starts without third-party plugins. */
export interface SafeMode {
  /** What happened. */
  readonly why: string
  /** The plugin that is probably at fault, where that is known. */
  readonly suspect?: string | undefined
}

/** An entry that safe mode leaves out. */
export interface LeftOut {
  readonly profile: string
  readonly id: string
}

/** What a router in safe mode says of itself. */
export interface SafeModeReport extends SafeMode {
  readonly leftOut: readonly string[]
  /** Those of them without which no request is answered, because they decide which may pass. */
  readonly guards: readonly string[]
}

/**
 * What safe mode means for these entries. One that took part in onRequest when it ran last, or never ran, may be what
 * keeps strangers out: without it nothing is answered.
 */
export async function weighSafeMode(
  home: string,
  safe: SafeMode,
  leftOut: readonly LeftOut[],
): Promise<SafeModeReport> {
  const known = await readGuards(home)
  const guards = leftOut.filter((one) => known.get(ownerOf(one.profile, one)) !== false)
  const [only] = leftOut.length === 1 ? leftOut : []
  return { ...safe, suspect: safe.suspect ?? only?.id, leftOut: names(leftOut), guards: names(guards) }
}

/** The answer to every exchange while a guard is missing. */
export function missingGuard({ guards }: SafeModeReport): Refusal | undefined {
  if (guards.length === 0) return undefined
  const fact = `the router runs in safe mode, without ${guards.join(', ')}, which may decide what requests are let in`
  return {
    status: 503,
    type: 'overloaded_error',
    message: `${fact}; correct or remove it, then \`ccr restart\``,
    headers: { 'x-should-retry': 'false' },
  }
}

/** Remembers for safe mode which third-party entries of a generation take part in onRequest. */
export class GuardRecord {
  readonly #home: string
  #written = ''

  constructor(home: string) {
    this.#home = home
  }

  async keep({ instances }: Generation): Promise<void> {
    const own = instances.filter(({ entry }) => !isBuiltinFile(entry.file))
    const rows = own.map(({ owner, taps }) => [owner, taps.some(({ hook }) => hook === 'onRequest')] as const)
    const text = `${JSON.stringify(Object.fromEntries(rows))}\n`
    if (text === this.#written) return
    this.#written = text
    // What is not there need not be told from a guard.
    if (rows.length === 0) return rm(recordFile(this.#home), { force: true })
    await createPrivateDirectory(join(this.#home, 'run'))
    await writePrivateFile(recordFile(this.#home), text)
  }
}

/** Whether an entry taps onRequest, by its name among those of all profiles. */
async function readGuards(home: string): Promise<ReadonlyMap<string, unknown>> {
  try {
    return new Map(Object.entries(Object(JSON.parse(await readFile(recordFile(home), 'utf8'))) as object))
  } catch {
    return new Map()
  }
}

function names(entries: readonly LeftOut[]): readonly string[] {
  return [...new Set(entries.map(({ id }) => id))]
}

function recordFile(home: string): string {
  return join(home, 'run', 'guards.json')
}
