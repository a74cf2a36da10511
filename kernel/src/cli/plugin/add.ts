import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { formatSource, parseSource, type Source } from '../../install/source.ts'
import { readDescription } from '../../load/package.ts'
import { tryPlugin } from '../../load/trial.ts'
import { changeConfig, type ConfigChange } from '../config-change.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { checkAge, readPins, withCandidate, type CandidateOptions } from './candidate.ts'
import { addEntry } from './entries.ts'
import { agree, checkEditable, install, isAgreed, type ConsentOptions } from './install.ts'
import { describeSheet, sheetOf } from './sheet.ts'
import { withoutSecrets } from '../secret-environment.ts'
import { complainOf } from '../shortcomings.ts'

/** Options of `ccr plugin add`. */
export interface AddOptions extends CandidateOptions, ConsentOptions {
  readonly allowFresh?: boolean | undefined
}

/** `ccr plugin add`: shows a plugin, asks, installs it, and has the running router use it. */
export async function pluginAdd(context: CommandContext, what: string, options: AddOptions): Promise<number> {
  const source = parseSource(what, process.cwd())
  await checkEditable(context)
  if (source.type === 'folder') return addFolder(context, source.folder)
  await addPlugin(context, source, options)
  return EXIT.ok
}

/**
 * The same for other commands.
 *
 * @throws CcrError when it cannot be installed, or was not agreed to; then nothing has changed
 */
export async function addPlugin(
  context: CommandContext,
  source: Exclude<Source, { type: 'folder' }>,
  options: AddOptions,
): Promise<void> {
  if (source.type === 'url' && options.integrity === undefined) {
    const remedy = `\`ccr plugin info ${source.url}\` shows it; add it as --integrity sha512-….`
    throw new CcrError('CCR_INSTALL_CONSENT', `an archive at a URL is only taken with its integrity. ${remedy}`)
  }
  await withCandidate(context, source, options, async (candidate, folder) => {
    if (!options.allowFresh) checkAge(candidate, Date.now())
    const pin = (await readPins(context)).find(({ name }) => name === candidate.package.name)
    for (const line of describeSheet(sheetOf(candidate), Date.now())) context.print(line)
    await agree(candidate, options, isAgreed(pin, candidate))
    const allowFresh = options.allowFresh === true
    const change = await install(context, { candidate, source: formatSource(source), folder, allowFresh, use: true })
    const { name, version } = candidate.package
    tellChange(context, `added ${name} ${version}`, change)
  })
}

/** Tells what was changed, and what the router runs without since it has taken the change. */
export function tellChange(context: CommandContext, what: string, { running, report, file }: ConfigChange): void {
  const later = running ? '' : `; the router is not running and takes it from ${file} when it starts`
  context.print(`${what}${report === undefined ? later : `: generation ${report.generation} is live`}`)
  if (report !== undefined) complainOf(context, report)
}

/** A working copy: used where it is, and loaded again whenever it is saved. */
async function addFolder(context: CommandContext, folder: string): Promise<number> {
  const { name, entry } = readFolder(folder)
  // Neither this process nor a router that runs may be stopped by code that never ends.
  await tryPlugin(entry, { env: await withoutSecrets(context) })
  // A dollar would name an environment variable.
  const use = `file:${entry.replaceAll('$', '$$$$')}`
  let already = false
  const change = await changeConfig(context, {
    config: (text) => {
      const edited = addEntry(text, [use], { use, id: name })
      already = edited === text
      return edited
    },
  })
  if (already) context.print(`${name} is used from ${entry} already`)
  else tellChange(context, `added ${name} from ${entry} (dev)`, change)
  return EXIT.ok
}

function readFolder(folder: string): { readonly name: string; readonly entry: string } {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) {
    throw new CcrError('CCR_INSTALL_PACKAGE', `${folder} has no package.json. Create one with \`ccr plugin new\`.`)
  }
  const described = readDescription(readFileSync(file, 'utf8'))
  // What was not built yet is loaded from its source.
  const entry = [described.entry, 'src/index.ts', 'index.ts'].map((path) => join(folder, path)).find(existsSync)
  if (entry !== undefined) return { name: nameIn(folder, described), entry }
  throw new CcrError('CCR_INSTALL_PACKAGE', `${folder} has no ${described.entry}. Build it, or correct package.json.`)
}

/** The plugin's own name where a manifest tells it, else that of the package. */
function nameIn(folder: string, { name, manifest }: ReturnType<typeof readDescription>): string {
  try {
    const described = JSON.parse(readFileSync(join(folder, manifest), 'utf8')) as { readonly name?: unknown }
    if (typeof described.name === 'string') return described.name
  } catch {
    // Not built yet.
  }
  return name
}
