import { CcrError, messageOf } from '@ccr/sdk'
import { readState } from '../../config/draft.ts'
import { manifestFile, presetNames, readPreset } from '../../config/presets/installed.ts'
import type { Answers } from '../../config/presets/placeholders.ts'
import { answersIn } from '../../config/presets/prepared.ts'
import { withoutControls } from '../../config/presets/shown-text.ts'
import { parseSource } from '../../config/source.ts'
import { readMarketplace, searchEntries } from '../../presets/marketplace.ts'
import { withShownAnswers } from '../../presets/shown-answers.ts'
import { describe, summarize } from '../../presets/summary.ts'
import { configInUse } from '../config-in-use.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { readSurroundings } from './surroundings.ts'

/** `ccr preset list`: the presets of the home, those that cannot be read with the reason. */
export async function presetList(
  { home, print }: CommandContext,
  options: { readonly json?: boolean | undefined },
): Promise<number> {
  const presets = await Promise.all((await presetNames(home)).map((name) => readOne(home, name)))
  if (options.json) print(JSON.stringify(presets))
  else if (presets.length === 0) print('no presets are installed; `ccr preset install` brings one in')
  for (const preset of options.json ? [] : presets) {
    if ('fault' in preset) print(`${preset.name}  cannot be read: ${preset.fault}`)
    else print(lineOf(preset.name, preset.version, preset.description, preset.author))
  }
  return EXIT.ok
}

/** What a preset says of itself, in one line. */
function lineOf(...texts: readonly (string | undefined)[]): string {
  return withoutControls(texts.filter(Boolean).join('  '))
}

async function readOne(home: string, name: string) {
  try {
    const { version, description, author } = (await readPreset(name, manifestFile(home, name), new Set())).manifest
    return { name, version, description, author }
  } catch (thrown) {
    return { name, fault: messageOf(thrown) }
  }
}

/** `ccr preset info`: where an installed preset leads with its answers, and what it asks for. */
export async function presetInfo(
  { home, print }: CommandContext,
  name: string,
  options: { readonly json?: boolean | undefined },
): Promise<number> {
  if (!(await presetNames(home)).includes(name)) {
    const shown = JSON.stringify(name.slice(0, 80))
    throw new CcrError(
      'CCR_PRESET_NAME',
      `no preset ${shown} is installed. \`ccr preset list\` names the installed ones.`,
    )
  }
  const { manifest, source } = await readPreset(name, manifestFile(home, name), new Set())
  const summary = summarize(withShownAnswers(manifest, await writtenAnswers(home, name)))
  if (options.json) print(JSON.stringify({ installedAs: name, file: source.file, ...summary }))
  else for (const line of [...describe(summary), `  in ${source.file}`]) print(line)
  return EXIT.ok
}

/** As the config writes them, whether the router could use the rest of it or not. */
async function writtenAnswers(home: string, name: string): Promise<Answers> {
  const { config, file } = await readState(home, await configInUse(home))
  return config === undefined ? {} : answersIn(parseSource(file, config).value, name)
}

/** Options of `ccr preset search`. */
export interface SearchCommandOptions {
  readonly marketplace?: string | undefined
  readonly allowPrivateAddresses?: boolean | undefined
  readonly json?: boolean | undefined
}

/** `ccr preset search`: what the marketplace offers. */
export async function presetSearch(
  context: CommandContext,
  words: readonly string[],
  options: SearchCommandOptions,
): Promise<number> {
  const url = options.marketplace ?? (await readSurroundings(context)).marketplace
  if (url === undefined) {
    const remedy = 'Set marketplace in the config to the URL of an index, or give --marketplace.'
    throw new CcrError('CCR_INSTALL_SOURCE', `no marketplace is known. ${remedy}`)
  }
  const allowPrivate = options.allowPrivateAddresses === true
  if (allowPrivate) context.complain('ccr: http and addresses of this machine and its network are accepted this once')
  const marketplace = await readMarketplace(url, { allowPrivate })
  const entries = searchEntries(marketplace, words)
  if (options.json) context.print(JSON.stringify(entries))
  else if (entries.length === 0) context.print('nothing was found')
  for (const { name, version, description, author } of options.json ? [] : entries) {
    context.print(lineOf(name, version, description, author))
  }
  if (marketplace.unusable > 0) {
    context.complain(
      `ccr: ${marketplace.unusable} entries of the marketplace lack a URL or an integrity and are left out`,
    )
  }
  return EXIT.ok
}
