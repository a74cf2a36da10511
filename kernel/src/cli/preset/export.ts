import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { checkManifest } from '../../config/presets/manifest.ts'
import { checkPresetName } from '../../config/presets/name.ts'
import { collectSecrets } from '../../config/secrets.ts'
import { parseSource } from '../../config/source.ts'
import { writePrivateFile } from '../../load/private-files.ts'
import { exportPreset } from '../../presets/export.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { entriesIn } from '../plugin/entries.ts'
import { readSurroundings } from './surroundings.ts'

/** Options of `ccr preset export`. */
export interface ExportOptions {
  readonly output?: string | undefined
  readonly version: string
  readonly description?: string | undefined
  readonly author?: string | undefined
  readonly tags?: string | undefined
  readonly includeSensitive?: boolean | undefined
  readonly force?: boolean | undefined
}

/** `ccr preset export`: writes a preset made of the config; what only its owner may know becomes a question. */
export async function presetExport(context: CommandContext, name: string, options: ExportOptions): Promise<number> {
  if (options.includeSensitive) {
    const remedy = 'Leave --include-sensitive out: whoever installs the preset is asked for each.'
    throw new CcrError('CCR_PRESET_INVALID', `a preset never holds keys. ${remedy}`)
  }
  checkPresetName(name)
  const file = resolve(options.output ?? `${name}.json`)
  if (!options.force && (await exists(file))) {
    throw new CcrError('CCR_PRESET_NAME', `${file} exists. Give another one with --output, or replace it with --force.`)
  }
  const { loaded, sections, pins } = await readSurroundings(context)
  const used = entriesIn(loaded.value).flatMap(({ use, enabled }) => (enabled ? [use] : []))
  const inUse = pins.filter((pin) => used.includes(pin.name) || used.includes(pin.plugin))
  const tags = options.tags
    ?.split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
  const { manifest, leftOut } = exportPreset({
    written: loaded.written,
    used: loaded.value,
    secrets: [...collectSecrets(loaded.value, loaded.variables), ...(loaded.secrets ?? [])],
    metadata: {
      schemaVersion: 1,
      name,
      version: options.version,
      ...(options.description !== undefined && { description: options.description }),
      ...(options.author !== undefined && { author: options.author }),
      ...(tags !== undefined && { keywords: tags }),
      ccrVersion: context.version,
    },
    sections,
    pins: inUse,
  })
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  // What cannot be installed must not be given away.
  checkManifest(parseSource(file, text), sections)
  await writePrivateFile(file, text)
  const names = used.filter((use) => !inUse.some((pin) => use === pin.name || use === pin.plugin))
  for (const one of [...leftOut, ...names.map((use) => `plugins: ${use} is not an added plugin`)]) {
    context.complain(`ccr: left out ${one}`)
  }
  const { schema = [] } = manifest as { readonly schema?: readonly { readonly id: string }[] }
  const asks = schema.length === 0 ? 'nothing' : schema.map(({ id }) => id).join(', ')
  context.print(`ccr: wrote ${file}; whoever installs it is asked for ${asks}`)
  return EXIT.ok
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}
