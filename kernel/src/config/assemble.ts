import { createHash } from 'node:crypto'
import type { Blueprint } from '../core/blueprint.ts'
import { findBuiltins, originOf, packageRoot } from '../load/builtin.ts'
import { loadEntries, type EntryFailure } from '../load/entries.ts'
import { resolveEntries } from './entries.ts'
import { fromManifest, fromPlugin } from './installed.ts'
import { readDefaultPreset } from './preset.ts'
import { readConfig, type ConfigPlace } from './read.ts'
import { resolveConfig, type ResolvedConfig } from './resolve.ts'

/** A config and the code it names, ready to become a generation. */
export interface Assembly {
  readonly config: ResolvedConfig
  readonly blueprint: Blueprint
  /** Entries whose plugin could not be loaded. */
  readonly failures: readonly EntryFailure[]
  /** Equal for two assemblies of which one generation would serve as well as the other. */
  readonly fingerprint: string
}

/**
 * Reads the config, loads the plugins that it names, and resolves it with what they declare.
 *
 * @param root the installation, where built-in plugins and presets are
 * @throws CcrError of the config; a faulty plugin or provider is left out instead
 */
export async function assemble(place: ConfigPlace, root = packageRoot()): Promise<Assembly> {
  const { inputs = new Set() } = place
  const [loaded, builtins, preset] = await Promise.all([
    readConfig({ ...place, inputs }),
    findBuiltins(root, originOf(place.env)),
    readDefaultPreset(root, inputs),
  ])
  // The code comes first, because a file may declare sections and dialects that the rest of the config uses.
  const configs = resolveEntries(loaded, preset)
  const code = await loadEntries(configs, builtins)
  for (const input of code.inputs) inputs.add(input)
  const { entries, failures } = code
  const files = new Set(configs.filter(({ file }) => file !== undefined).map(({ id }) => id))
  const fromFiles = entries.filter(({ id }) => files.has(id)).map(({ plugin }) => fromPlugin(plugin))
  const installed = [...builtins.map(({ manifest }) => fromManifest(manifest)), ...fromFiles]
  const config = resolveConfig(loaded, { preset, installed })
  const { providers, sections } = config
  const hashes = entries.map(({ id, hash }) => [id, hash])
  return {
    config,
    blueprint: { entries, providers, sections },
    failures,
    fingerprint: createHash('sha256')
      .update(JSON.stringify([loaded.value, preset, hashes]))
      .digest('hex'),
  }
}
