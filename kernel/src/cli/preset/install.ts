import { rm } from 'node:fs/promises'
import { CcrError } from '@ccr/sdk'
import { setInConfig } from '../../config/edit.ts'
import { manifestFile, presetNames } from '../../config/presets/installed.ts'
import { checkManifest } from '../../config/presets/manifest.ts'
import type { Answers } from '../../config/presets/placeholders.ts'
import { answersIn } from '../../config/presets/prepared.ts'
import type { PresetManifest } from '../../config/presets/schema.ts'
import { joinPointer } from '../../config/pointer.ts'
import { findRunning } from '../../host/process/instance.ts'
import { parseInputs, requireAnswers, unsetVariables } from '../../presets/answers.ts'
import { findPreset, type FoundPreset } from '../../presets/source.ts'
import { checkFreeName, placePreset } from '../../presets/store.ts'
import { describe, summarize } from '../../presets/summary.ts'
import { withChangeLock } from '../change-lock.ts'
import { applyChange } from '../config-change.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { withoutAnswers } from './delete.ts'
import { addMissingPlugins, missingPlugins } from './plugins.ts'
import { agree, askInputs } from './questions.ts'
import { checkServed } from './served.ts'
import { readSurroundings } from './surroundings.ts'
import { withoutSecrets } from '../secret-environment.ts'
import { complainOf } from '../shortcomings.ts'
import { isInteractive } from '../terminal.ts'

/** Options of `ccr preset install`. */
export interface InstallOptions {
  readonly name?: string | undefined
  readonly input?: readonly string[] | undefined
  readonly marketplace?: string | undefined
  readonly force?: boolean | undefined
  readonly yes?: boolean | undefined
  readonly allowPrivateAddresses?: boolean | undefined
  /** A name is never that of an installed preset whose questions are to be answered anew. */
  readonly fresh?: boolean | undefined
}

/**
 * `ccr preset install`: finds a preset, shows it, asks what it asks for, and puts it in its place; all or nothing.
 *
 * @param reserved words that are commands
 */
export async function presetInstall(
  context: CommandContext,
  what: string,
  options: InstallOptions,
  reserved: readonly string[],
): Promise<number> {
  const allowPrivate = options.allowPrivateAddresses === true
  if (allowPrivate) context.complain('ccr: http and addresses of this machine and its network are accepted this once')
  const surroundings = await readSurroundings(context)
  const anew = options.fresh !== true && (await presetNames(context.home)).includes(what)
  const found = await findPreset(anew ? manifestFile(context.home, what) : what, {
    directory: process.cwd(),
    env: await withoutSecrets(context),
    allowPrivate,
    marketplace: options.marketplace ?? surroundings.marketplace,
  })
  // Sections of a plugin that is still to come are known when it is there.
  const missing = missingPlugins(checkManifest(found.source), surroundings.pins)
  const manifest = checkManifest(found.source, missing.length === 0 ? surroundings.sections : undefined)
  const name = options.name ?? (anew ? what : manifest.name)
  const replace = options.force === true || (anew && name === what)
  await checkFreeName(context.home, name, reserved, replace)
  for (const line of describe(summarize(manifest))) context.print(line)
  context.print(`  from ${found.from}`)
  const given = parseInputs(manifest, options.input ?? [])
  if (!anew) await requireConsent(name, options)
  await addMissingPlugins(context, name, missing, allowPrivate)
  if (missing.length > 0) checkManifest(found.source, (await readSurroundings(context)).sections)
  // Another manifest of that name is not given what was told the one before it.
  const before = anew && name === what ? answersIn(surroundings.loaded.written, name) : {}
  const answers = await collectAnswers(context, manifest, given, before)
  const unset = await unsetHere(context, answers)
  const isAnsweredBefore = Object.keys(answersIn(surroundings.config, name)).length > 0
  const disabledProviders = await withChangeLock(context, async () => {
    await checkFreeName(context.home, name, reserved, replace)
    return put(context, name, found, answers, replace, isAnsweredBefore)
  })
  context.print(`ccr: the preset ${name} is installed; it is served under /preset/${name}, and \`ccr ${name}\` uses it`)
  if (unset !== '') {
    // The one that runs has taken the answers; the next may be started where this command was.
    const remedy = 'The running router has it; set it wherever a router is started'
    context.complain(`ccr: the preset ${name} names ${unset}, which is not set here. ${remedy}`)
  }
  complainOf(context, { disabledProviders, brokenPresets: [], failures: [], warnings: [] })
  return EXIT.ok
}

async function requireConsent(name: string, { yes }: InstallOptions): Promise<void> {
  if (yes === true) return
  if (!isInteractive()) {
    const remedy = 'Look at what it says above, and repeat the command with --yes.'
    throw new CcrError('CCR_INSTALL_CONSENT', `nobody can be asked whether to install the preset ${name}. ${remedy}`)
  }
  if (!(await agree(`Install the preset ${name}?`))) {
    throw new CcrError('CCR_INSTALL_CONSENT', `the preset ${name} was not agreed to; nothing was installed.`)
  }
}

async function collectAnswers(
  { env }: CommandContext,
  manifest: PresetManifest,
  given: Answers,
  before: Answers,
): Promise<Answers> {
  const answers = isInteractive()
    ? await askInputs(manifest, { given, before, env })
    : // Who cannot be asked again keeps what was answered.
      { ...before, ...given }
  return requireAnswers(manifest, answers, env)
}

/**
 * The variables of answers that are not set here, where a running router may have them.
 *
 * @throws CcrError `CCR_PRESET_INPUT` when none runs
 */
async function unsetHere({ home, env }: CommandContext, answers: Answers): Promise<string> {
  const names = [...new Set([...unsetVariables(answers, env).values()].flat())].join(', ')
  if (names === '' || (await findRunning(home)) !== undefined) return names
  const remedy = 'Set it, or start the router where it is set.'
  throw new CcrError('CCR_PRESET_INPUT', `the answers name ${names}, which is not set. ${remedy}`)
}

type LeftOut = Awaited<ReturnType<typeof checkServed>>

async function put(
  context: CommandContext,
  name: string,
  { text }: FoundPreset,
  answers: Answers,
  replace: boolean,
  isAnsweredBefore: boolean,
): Promise<LeftOut> {
  const placed = await placePreset(context.home, name, text, replace)
  const pointer = joinPointer('/presets', name)
  let leftOut: LeftOut
  let undo = async (): Promise<unknown> => undefined
  try {
    let isTaken = false
    const isAnswered = Object.keys(answers).length > 0
    if (isAnswered || isAnsweredBefore) {
      const edit = (config: string): string =>
        isAnswered ? setInConfig(config, pointer, answers) : withoutAnswers(config, name)
      const change = await applyChange(context, { config: edit })
      const { config, file } = change.before
      undo = () => (config === undefined ? rm(file) : applyChange(context, { config: () => config }))
      // Answers that stand there already are no change, for which nobody would read the preset.
      isTaken = change.report !== undefined
    }
    leftOut = await checkServed(context, name, isTaken ? 'taken' : 'not taken yet')
  } catch (thrown) {
    await placed.undo()
    await undo()
    throw thrown
  }
  await placed.keep()
  return leftOut
}
