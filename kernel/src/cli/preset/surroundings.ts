import type { LoadedConfig } from '../../config/loaded.ts'
import { readConfig } from '../../config/read.ts'
import type { KernelConfig } from '../../config/schema.ts'
import { findBuiltins, originOf, packageRoot } from '../../load/builtin.ts'
import type { LockEntry } from '../../load/lock.ts'
import { findStored } from '../../load/store.ts'
import { configInUse } from '../config-in-use.ts'
import type { CommandContext } from '../context.ts'

/** What a preset is to fit into. */
export interface Surroundings {
  readonly loaded: LoadedConfig
  readonly config: Readonly<Record<string, unknown>>
  /** URL of the marketplace that the config names. */
  readonly marketplace: string | undefined
  /** Config sections that installed plugins read. */
  readonly sections: ReadonlySet<string>
  /** Plugins that were added by a command. */
  readonly pins: readonly LockEntry[]
}

/**
 * Reads the config and what the installed plugins say of themselves, without running any of their code.
 *
 * @throws CcrError of the config
 */
export async function readSurroundings({ home, env }: CommandContext): Promise<Surroundings> {
  const file = await configInUse(home)
  const [loaded, builtins, stored] = await Promise.all([
    readConfig({ home, file, env }),
    findBuiltins(packageRoot(), originOf(env)),
    findStored(home, new Set()),
  ])
  const manifests = [...builtins.map(({ manifest }) => manifest), ...stored.flatMap(({ manifest }) => manifest ?? [])]
  return {
    loaded,
    config: loaded.value,
    // readConfig has checked the keys of the kernel.
    marketplace: (loaded.value as KernelConfig).marketplace,
    sections: new Set(manifests.flatMap(({ sections }) => Object.keys(sections))),
    pins: stored.map(({ pin }) => pin),
  }
}
