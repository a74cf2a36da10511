import { join } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { namesOf } from '../../config/aliases.ts'
import { readConfig } from '../../config/read.ts'
import type { Candidate } from '../../install/inspect.ts'
import { cleanStore, place, stage } from '../../install/stage.ts'
import { hashTree } from '../../load/integrity.ts'
import { formatLock, lockFile, parseLock, type LockEntry } from '../../load/lock.ts'
import { pluginFolder } from '../../load/store.ts'
import { tryPlugin } from '../../load/trial.ts'
import { withChangeLock } from '../change-lock.ts'
import { applyChange, isSettled, type ConfigChange } from '../config-change.ts'
import { configInUse } from '../config-in-use.ts'
import { askConsent, createProgress } from './consent.ts'
import type { CommandContext } from '../context.ts'
import { QUARANTINE_MS, readPins } from './candidate.ts'
import { addEntry } from './entries.ts'
import { withoutSecrets } from '../secret-environment.ts'
import { isInteractive } from '../terminal.ts'

/** How a user agrees without being asked. */
export interface ConsentOptions {
  readonly yes?: boolean | undefined
  readonly integrity?: string | undefined
}

/**
 * Agrees with the user on exactly this archive: in a terminal by a question, without one by its integrity.
 *
 * @param known it was agreed to before, in the lock
 * @throws CcrError `CCR_INSTALL_CONSENT`, or `CCR_INSTALL_PACKAGE` when the archive is another one
 */
export async function agree(
  { package: { name, version }, integrity }: Candidate,
  options: ConsentOptions,
  known: boolean,
): Promise<void> {
  if (options.integrity !== undefined && options.integrity !== integrity) {
    const fact = `the archive of ${name} ${version} has the integrity ${integrity}, not ${options.integrity}`
    throw new CcrError('CCR_INSTALL_PACKAGE', `${fact}. It is not what was agreed to; find out why before you add it.`)
  }
  if (options.yes && (options.integrity !== undefined || known)) return
  if (options.yes) {
    const remedy = `Look at it, then add --integrity ${integrity}.`
    throw new CcrError(
      'CCR_INSTALL_CONSENT',
      `--yes alone does not say what ${name} ${version} is agreed to be. ${remedy}`,
    )
  }
  if (!isInteractive()) {
    const remedy = `Run the command in a terminal, or add --yes --integrity ${integrity}.`
    throw new CcrError('CCR_INSTALL_CONSENT', `nobody can be asked about ${name} ${version} here. ${remedy}`)
  }
  await askConsent(`Install ${name} ${version}? It runs inside the router, with all rights of your user.`)
}

/** Whether the lock agrees to this archive and everything that it asks for. */
export function isAgreed(pin: LockEntry | undefined, { integrity, manifest }: Candidate): boolean {
  if (pin?.integrity !== integrity) return false
  return [
    [manifest.hooks, pin.hooks],
    [manifest.capabilities, pin.capabilities],
  ].every(([asked = [], granted = []]) => asked.every((one) => granted.includes(one)))
}

/** What is installed. */
export interface Installation {
  readonly candidate: Candidate
  /** What the user named; an update looks there. */
  readonly source: string
  /** A folder on the same disk as the store. */
  readonly folder: string
  readonly allowFresh: boolean
  /** The entry is added to the config, or switched on. */
  readonly use: boolean
}

/**
 * Puts an agreed plugin into the store, the lock and the config, and has the running router take it. On any failure all
 * three are as they were.
 */
export async function install(context: CommandContext, installation: Installation): Promise<ConfigChange> {
  const { home } = context
  const { candidate, source, folder, allowFresh, use } = installation
  const progress = createProgress(context)
  const before = allowFresh ? undefined : Date.now() - QUARANTINE_MS
  const env = await withoutSecrets(context)
  const staged = await stage(candidate, { folder, env, before, progress: progress.step }).finally(progress.end)
  // Neither this process nor a router that runs may be stopped by code that never ends.
  await tryPlugin(join(staged.folder, candidate.package.entry), { env })
  const pin: LockEntry = {
    name: candidate.package.name,
    plugin: candidate.manifest.name,
    version: candidate.package.version,
    source,
    resolved: candidate.resolved,
    integrity: candidate.integrity,
    tree: staged.tree,
    hooks: candidate.manifest.hooks,
    capabilities: candidate.manifest.capabilities,
    grantedAt: new Date().toISOString(),
  }
  return withChangeLock(context, async () => {
    const pins = await readPins(context)
    const same = pins.find((one) => one.name === pin.name && one.integrity === pin.integrity && one.tree === pin.tree)
    // The folder of what runs now is never touched: another archive has another one.
    await cleanStore(home, pins)
    const isIntact = same !== undefined && (await hashTree(pluginFolder(home, same)).catch(() => '')) === same.tree
    if (!isIntact) await place(home, staged, pin)
    try {
      const change = await applyChange(context, {
        config: (text) => (use ? addEntry(text, [pin.name, pin.plugin], pin.plugin) : text),
        lock: (text) => {
          const others = parseLock(text, lockFile(home)).filter(({ name }) => name !== pin.name)
          return formatLock([...others, same !== undefined && isAgreed(same, candidate) ? same : pin])
        },
        reload: !isIntact,
      })
      if (isSettled(change)) await cleanStore(home, await readPins(context))
      return change
    } catch (thrown) {
      await cleanStore(home, await readPins(context))
      throw thrown
    }
  })
}

/**
 * Refuses where commands cannot change the list of plugins because code sets it.
 *
 * @throws CcrError `CCR_CONFIG_EDIT`
 */
export async function checkEditable({ home, env }: CommandContext): Promise<void> {
  const { locked, files } = await readConfig({ home, file: await configInUse(home), env })
  const key = locked.find((one) => namesOf('plugins').includes(one))
  if (key === undefined) return
  const at = files.find((file) => file.endsWith('.ts'))
  throw new CcrError('CCR_CONFIG_EDIT', `${key} is set by ${at}, which no command changes. Edit it there.`, { at })
}
