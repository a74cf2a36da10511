import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { Value } from '@ccr/sdk/typebox'
import { readState } from '../../config/draft.ts'
import { parseSource } from '../../install/source.ts'
import { findBuiltins, originOf, packageRoot } from '../../load/builtin.ts'
import { shortName } from '../../load/entries.ts'
import { Manifest } from '../../load/manifest.ts'
import { readDescription } from '../../load/package.ts'
import { findByName, findStored } from '../../load/store.ts'
import { tryPlugin } from '../../load/trial.ts'
import { configInUse } from '../config-in-use.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { withCandidate, type CandidateOptions } from './candidate.ts'
import { writtenEntries, type WrittenEntry } from './entries.ts'
import { fileEntries, filesNamed, NO_VERSION } from './files.ts'
import { describeSheet, installedSheet, sheetOf, type PluginSheet } from './sheet.ts'
import { withoutSecrets } from '../secret-environment.ts'

/** `ccr plugin info`: what an installed plugin says of itself, or what `add` would show. Changes nothing. */
export async function pluginInfo(
  context: CommandContext,
  what: string,
  options: CandidateOptions & { readonly json?: boolean | undefined },
): Promise<number> {
  const sheet =
    (await installed(context, what)) ?? (await configured(context, what)) ?? (await fetched(context, what, options))
  if (options.json) context.print(JSON.stringify(sheet))
  else for (const line of describeSheet(sheet, Date.now())) context.print(line)
  return EXIT.ok
}

async function installed({ home, env }: CommandContext, name: string): Promise<PluginSheet | undefined> {
  const builtin = (await findBuiltins(packageRoot(), originOf(env))).find((one) => one.name === shortName(name))
  if (builtin !== undefined) return installedSheet(builtin.packageName, builtin.manifest, 'the installation of ccr')
  const stored = findByName(await findStored(home, new Set()), name)
  if (stored === undefined) return undefined
  const { pin, manifest, folder } = stored
  if (manifest !== undefined) return installedSheet(pin.name, manifest, pin.resolved, pin)
  const remedy = `Add it again with \`ccr plugin add ${pin.source}\`.`
  throw new CcrError('CCR_PLUGIN_INTEGRITY', `${folder} holds no manifest that can be read. ${remedy}`, { at: folder })
}

/** What an entry of the config means, by its id, or by the name that the code of its file has. */
async function configured(context: CommandContext, name: string): Promise<PluginSheet | undefined> {
  const { config, file } = await readState(context.home, await configInUse(context.home))
  const entries = config === undefined ? [] : entriesIn(config)
  const entry = entries.find((one) => one.id === name)
  const files = fileEntries(context, entry === undefined ? entries : [entry], file)
  if (entry !== undefined && files.length === 0) return installed(context, entry.use)
  const meant = (await filesNamed(context, files, name)).meant[0]
  if (meant === undefined) return undefined
  const { manifest } =
    meant.tried ??
    (await tryPlugin(meant.file, { env: await withoutSecrets(context), version: NO_VERSION, adapt: true }))
  if (manifest instanceof Error) throw manifest
  return installedSheet(meant.use, manifest, meant.file)
}

/** What a config that is no JSON5 names does not keep a plugin from being looked at. */
function entriesIn(config: string): readonly WrittenEntry[] {
  try {
    return writtenEntries(config, true)
  } catch {
    return []
  }
}

async function fetched(
  context: CommandContext,
  what: string,
  options: CandidateOptions & { readonly json?: boolean | undefined },
): Promise<PluginSheet> {
  const source = parseSource(what, process.cwd())
  if (source.type === 'folder') return folderSheet(source.folder)
  const quiet = options.json === true
  // Looking at a plugin that looks like another one is how to find out.
  return withCandidate(context, source, { ...options, quiet, allowLookAlike: true }, async (found) => sheetOf(found))
}

async function folderSheet(folder: string): Promise<PluginSheet> {
  const { name, version, manifest: path } = readDescription(await readFile(join(folder, 'package.json'), 'utf8'))
  const file = join(folder, path)
  const manifest: unknown = JSON.parse(await readFile(file, 'utf8').catch(() => 'null'))
  if (Value.Check(Manifest, manifest)) return { ...installedSheet(name, manifest, folder), version }
  throw new CcrError('CCR_INSTALL_PACKAGE', `${file} is not a manifest. Build the plugin first.`, { at: file })
}
