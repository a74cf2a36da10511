import { ownerOf } from '../core/instance.ts'
import type { Refusal } from './http/failure-answer.ts'
import { readGuards } from './guard-record.ts'

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

function names(entries: readonly LeftOut[]): readonly string[] {
  return [...new Set(entries.map(({ id }) => id))]
}
