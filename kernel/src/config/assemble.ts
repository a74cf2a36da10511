import type { Blueprint } from '../core/blueprint.ts'
import { findBuiltins, packageRoot } from '../load/builtin.ts'
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
  /** Absolute paths of the config files and plugin files that a watcher must look at. */
  readonly inputs: readonly string[]
}

/**
 * Reads the config, loads the plugins that it names, and resolves it with what they declare.
 *
 * @param root the installation, where built-in plugins and presets are
 * @throws CcrError of the config; a faulty plugin or provider is left out instead
 */
export async function assemble(place: ConfigPlace, root = packageRoot()): Promise<Assembly> {
  const [loaded, builtins, preset] = await Promise.all([readConfig(place), findBuiltins(root), readDefaultPreset(root)])
  // The code comes first, because a file may declare sections and dialects that the rest of the config uses.
  const configs = resolveEntries(loaded, preset)
  const { entries, failures, inputs } = await loadEntries(configs, builtins)
  const files = new Set(configs.filter(({ file }) => file !== undefined).map(({ id }) => id))
  const fromFiles = entries.filter(({ id }) => files.has(id)).map(({ plugin }) => fromPlugin(plugin))
  const installed = [...builtins.map(({ manifest }) => fromManifest(manifest)), ...fromFiles]
  const config = resolveConfig(loaded, { preset, installed })
  const { providers, sections } = config
  return { config, blueprint: { entries, providers, sections }, failures, inputs: [...config.files, ...inputs] }
}
