import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { loadPluginFile, type LoadedPlugin, type LoadFailure } from './evaluate.ts'
import { toManifest, type Manifest } from './manifest.ts'

/** A built-in plugin of a checkout, as its TypeScript says now. */
export interface PluginSource {
  /** The entry file. */
  readonly file: string
  readonly code: LoadedPlugin | LoadFailure
  /** Nothing when the code does not load, or does not activate with default options. */
  readonly manifest: Manifest | undefined
}

/** Loads the plugin in a folder from its `src`; nothing when there is none, as in an installation. */
export async function loadSource(folder: string, version: string): Promise<PluginSource | undefined> {
  const file = join(folder, 'src', 'index.ts')
  if (!(await stat(file).catch(() => undefined))) return undefined
  const code = await loadPluginFile(file)
  return { file, code, manifest: 'error' in code ? undefined : await describe(code, file, version) }
}

/** What stands for the manifest of a plugin that has never worked, so that its fault is told and not its absence. */
export function emptyManifest(folder: string, version: string): Manifest {
  return {
    name: basename(folder),
    version,
    apiVersion: 1,
    description: '',
    transformers: [],
    scope: 'profile',
    provides: [],
    requires: [],
    capabilities: [],
    hooks: [],
    endpoints: [],
    dialects: [],
    providers: [],
    optionsSchema: { type: 'object', properties: {} },
    sections: {},
  }
}

/** By entry file, so that each version of a plugin is described once, also one that cannot be. */
const described = new Map<string, { readonly key: string; readonly manifest: Promise<Manifest | undefined> }>()

function describe({ plugin, hash }: LoadedPlugin, file: string, version: string): Promise<Manifest | undefined> {
  const key = `${version} ${hash}`
  const known = described.get(file)
  if (known?.key === key) return known.manifest
  const manifest = toManifest(plugin, version).catch(() => undefined)
  described.set(file, { key, manifest })
  return manifest
}
