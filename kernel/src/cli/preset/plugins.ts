import { CcrError } from '@ccr/sdk'
import type { PluginPin, PresetManifest } from '../../config/presets/schema.ts'
import { pluginCommand } from '../../config/presets/served.ts'
import { parseSource } from '../../install/source.ts'
import type { LockEntry } from '../../load/lock.ts'
import type { CommandContext } from '../context.ts'
import { isInteractive } from '../terminal.ts'

/** The plugins that a preset names and that are not installed in that version and archive. */
export function missingPlugins({ plugins = [] }: PresetManifest, pins: readonly LockEntry[]): readonly PluginPin[] {
  const isPinned = (pin: PluginPin): boolean =>
    pins.some((one) => one.name === pin.name && one.version === pin.version && one.integrity === pin.integrity)
  return plugins.filter((pin) => !isPinned(pin))
}

/**
 * Installs the plugins that a preset lacks, each shown and agreed to by itself. Where nobody can be asked, that is left
 * to commands of their own: agreeing to a preset agrees to no code.
 *
 * @throws CcrError `CCR_PRESET_INVALID` with the commands to run; whatever `ccr plugin add` throws
 */
export async function addMissingPlugins(
  context: CommandContext,
  preset: string,
  missing: readonly PluginPin[],
  allowPrivateAddresses: boolean,
): Promise<void> {
  if (missing.length === 0) return
  if (!isInteractive()) {
    for (const pin of missing) context.complain(`ccr: first run \`${pluginCommand(pin)}\``)
    const names = missing.map((pin) => `${pin.name} ${pin.version}`).join(', ')
    const remedy = 'A plugin is code, and each needs consent of its own: run the commands above, then this one again.'
    throw new CcrError('CCR_PRESET_INVALID', `the preset ${preset} needs ${names}, which is not installed. ${remedy}`)
  }
  const { addPlugin } = await import('../plugin/add.ts')
  for (const { name, version, integrity } of missing) {
    const source = parseSource(`npm:${name}@${version}`, '/')
    if (source.type === 'npm') await addPlugin(context, source, { integrity, allowPrivateAddresses })
  }
}
