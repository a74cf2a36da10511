import { CcrError } from '@ccr/sdk'
import { assemble } from '../config/assemble.ts'
import { draftTexts, readState, writeDraft, type ConfigDraft, type ConfigState } from '../config/draft.ts'
import { EMPTY_CONFIG } from '../config/edit.ts'
import { beginChange, endChange, endInterrupted } from '../config/journal.ts'
import { findRunning, type RunningInstance } from '../host/process/instance.ts'
import { forChange, leftOutOf } from '../host/left-out.ts'
import { codeOf } from '../load/code-of.ts'
import { callAdmin, faultIn } from './admin.ts'
import { withChangeLock } from './change-lock.ts'
import type { CommandContext } from './context.ts'
import { withExitGuard } from './exit-guard.ts'
import { requestReload, type GenerationReport } from './generation-report.ts'

/** What a command makes of the texts that stand in config and lock now. */
export interface ConfigEdit {
  /**
   * Gives the config as it is to be, from its text and the path of its file; comments and order are the editor's to
   * keep (see config/edit.ts).
   */
  readonly config?: ((text: string, file: string) => string | Promise<string>) | undefined
  /** Gives the lock as it is to be. */
  readonly lock?: ((text: string | undefined) => string) | undefined
  /** A running router builds anew even when neither text changes, because what they name did. */
  readonly reload?: boolean | undefined
}

/** A change that was made. */
export interface ConfigChange {
  /** The config file that was changed, or would have been. */
  readonly file: string
  /** The texts before the change. */
  readonly before: ConfigState
  /** A router runs. */
  readonly running: boolean
  /** What a running router says since it has taken the change; nothing when there was none to make. */
  readonly report: GenerationReport | undefined
}

/** Activation of plugins included. */
const CHANGE_MS = 120_000
/** How often an edit is made anew because somebody else changed the files meanwhile. */
const TRIES = 5

/**
 * Changes the config, or the lock, or both, as one transaction: a running router builds the result and takes it before
 * it is written; without one it is read and loaded here. On any failure nothing has changed. Edits of other commands
 * wait for each other.
 *
 * @throws CcrError with the place of the fault; `CCR_CONFIG_STALE` when the files do not come to rest
 */
export function changeConfig(context: CommandContext, edit: ConfigEdit): Promise<ConfigChange> {
  return withChangeLock(context, () => applyChange(context, edit))
}

/** As {@link changeConfig}, for whoever holds the lock of {@link withChangeLock}. */
export async function applyChange(context: CommandContext, edit: ConfigEdit): Promise<ConfigChange> {
  await endInterrupted(context.home)
  const running = await findRunning(context.home)
  const take =
    running === undefined
      ? takeHere
      : (state: ConfigState, draft: ConfigDraft, home: CommandContext) => takeThere(running.url, state, draft, home)
  const file = running === undefined ? undefined : await changedFile(context, running.url)
  for (let attempt = 1; ; attempt++) {
    const before = await readState(context.home, file)
    const draft = await draftOf(before, edit)
    try {
      await beginChange(context.home, before, draft)
      const report = isEmpty(draft) ? await reloadIf(edit, context, running) : await take(before, draft, context)
      await endChange(context.home)
      return { file: before.file, before, running: running !== undefined, report }
    } catch (thrown) {
      await endInterrupted(context.home)
      if (codeOf(thrown) !== 'CCR_CONFIG_STALE' || attempt === TRIES) throw thrown
    }
  }
}

/** No exchange runs on what was before the change. */
export function isSettled({ report }: ConfigChange): boolean {
  return report === undefined || report.draining.length === 0
}

function isEmpty({ config, lock }: ConfigDraft): boolean {
  return config === undefined && lock === undefined
}

async function reloadIf(
  { reload }: ConfigEdit,
  { home }: CommandContext,
  running: RunningInstance | undefined,
): Promise<GenerationReport | undefined> {
  if (reload !== true || running === undefined) return undefined
  const result = await requestReload(home, running.url)
  if ('generation' in result) return result
  throw new CcrError('CCR_PLUGIN_LOAD', result.message, { at: result.at })
}

/** What differs from what stands there now. */
async function draftOf({ config, lock, file }: ConfigState, edit: ConfigEdit): Promise<ConfigDraft> {
  const newConfig = await edit.config?.(config ?? EMPTY_CONFIG, file)
  const newLock = edit.lock?.(lock)
  return {
    config: newConfig === (config ?? EMPTY_CONFIG) ? undefined : newConfig,
    lock: newLock === lock ? undefined : newLock,
  }
}

async function takeHere(before: ConfigState, draft: ConfigDraft, { home, env }: CommandContext): Promise<undefined> {
  const drafts = draftTexts(home, before.file, draft)
  const assembly = await withExitGuard('the config is', () => assemble({ home, env, drafts }))
  // Only then does it matter what is broken now, least of all to what switches it off.
  const broken = assembly.failures.length === 0 ? undefined : await assemble({ home, env }).catch(() => undefined)
  forChange(assembly, leftOutOf(broken ?? { failures: [] }))
  await writeDraft(home, before, draft)
}

async function takeThere(
  url: string,
  { version }: ConfigState,
  draft: ConfigDraft,
  { home }: CommandContext,
): Promise<GenerationReport> {
  const answer = await callAdmin(home, url, 'PUT', '/api/config', CHANGE_MS, { version, ...draft })
  if (answer.status === 200) return answer.body as GenerationReport
  const { code = 'CCR_CONFIG_EDIT', message, at } = faultIn(answer)
  throw new CcrError(code, message, { at })
}

/** The config file that the running router was started with. */
async function changedFile({ home }: CommandContext, url: string): Promise<string> {
  const { status, body } = await callAdmin(home, url, 'GET', '/api/config', CHANGE_MS)
  const { file } = Object(body) as { readonly file?: unknown }
  if (status === 200 && typeof file === 'string') return file
  const remedy = 'It may be of another version: restart it with `ccr restart`.'
  throw new CcrError('CCR_CONFIG_EDIT', `the running router does not say which config it uses. ${remedy}`)
}
