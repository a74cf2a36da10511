import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { readState } from '../../config/draft.ts'
import { fetchPackage } from '../../install/fetch.ts'
import { checkNames, inspectArchive, type Candidate } from '../../install/inspect.ts'
import { withScratch } from '../../install/stage.ts'
import type { Source } from '../../install/source.ts'
import { sdkFolder } from '../../load/builtin.ts'
import { suggestion } from '../../load/nearest.ts'
import { lockFile, parseLock, type LockEntry } from '../../load/lock.ts'
import { createProgress } from './consent.ts'
import type { CommandContext } from '../context.ts'
import { withoutSecrets } from '../secret-environment.ts'

/** How a plugin is looked for. */
export interface CandidateOptions {
  readonly allowPrivateAddresses?: boolean | undefined
  readonly allowLookAlike?: boolean | undefined
  readonly quiet?: boolean | undefined
}

/** Younger versions are refused: most hijacked ones are found and taken back within days. */
export const QUARANTINE_MS = 7 * 86_400_000

/**
 * Fetches a plugin and looks into it, without running anything of it; what was fetched lies in a folder that exists
 * until the action ends.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE`, `CCR_INSTALL_PACKAGE` or `CCR_PLUGIN_API`
 */
export async function withCandidate<Result>(
  context: CommandContext,
  source: Exclude<Source, { type: 'folder' }>,
  options: CandidateOptions,
  action: (candidate: Candidate, folder: string) => Promise<Result>,
): Promise<Result> {
  const allowPrivate = options.allowPrivateAddresses === true
  if (allowPrivate) {
    context.complain(
      'ccr: this command may reach addresses of this machine and its network (--allow-private-addresses)',
    )
  }
  return withScratch(context.home, async (folder) => {
    const progress = createProgress(context, options.quiet)
    let candidate: Candidate
    try {
      const env = await withoutSecrets(context)
      const fetched = await fetchPackage(source, { folder, env, allowPrivate, progress: progress.step })
      candidate = inspectArchive(fetched, sdkVersion())
    } finally {
      progress.end()
    }
    await checkNames(candidate, await readPins(context), options.allowLookAlike === true)
    return action(candidate, folder)
  })
}

/**
 * Refuses a version that was published too recently.
 *
 * @throws CcrError `CCR_INSTALL_CONSENT`
 */
export function checkAge({ package: { name, version }, registry }: Candidate, now: number): void {
  const published = registry?.publishedAt
  if (published === undefined || now - published >= QUARANTINE_MS) return
  const days = Math.max(0, Math.floor((now - published) / 86_400_000))
  const fact = `${name} ${version} was published ${days === 0 ? 'less than a day' : `${days} days`} ago`
  const reason = 'a hijacked version is mostly found within a week'
  const remedy = `Take an older version (${name}@<version>), or add --allow-fresh.`
  throw new CcrError('CCR_INSTALL_CONSENT', `${fact}, and ${reason}. ${remedy}`)
}

/** What is installed, as the lock of the home says now. */
export async function readPins({ home }: CommandContext): Promise<readonly LockEntry[]> {
  return parseLock((await readState(home)).lock, lockFile(home))
}

/** The error for a plugin that no command has added, with the names of those that were. */
export function notAdded(name: string, known: readonly string[], remedy = ''): CcrError {
  const list = known.length === 0 ? 'None was added.' : `Added: ${known.join(', ')}.`
  return new CcrError('CCR_PLUGIN_UNKNOWN', `no plugin ${name} was added.${suggestion(name, known)} ${list}${remedy}`)
}

/** The version of the SDK that this router gives to plugins. */
function sdkVersion(): string {
  const { version } = JSON.parse(readFileSync(join(sdkFolder(), 'package.json'), 'utf8')) as {
    readonly version: string
  }
  return version
}
