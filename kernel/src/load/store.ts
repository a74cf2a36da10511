import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CcrError, isCcrError, messageOf, type Plugin, type PluginContext } from '@ccr/sdk'
import { Value } from '@ccr/sdk/typebox'
import { loadPluginFile, type LoadedPlugin, type LoadFailure } from './evaluate.ts'
import { hashTree } from './integrity.ts'
import { lockFile, parseLock, type LockEntry } from './lock.ts'
import { Manifest } from './manifest.ts'
import { readDescription, type PackageDescription } from './package.ts'

/** A plugin that was added by a command, known by its lock entry and its manifest alone. */
export interface StoredPlugin {
  readonly pin: LockEntry
  readonly folder: string
  /** Nothing when it cannot be read; loading the plugin says why. */
  readonly manifest: Manifest | undefined
}

/** The folder of all added plugins. */
export function storeFolder(home: string): string {
  return join(home, 'plugins', 'store')
}

/** Where one version of a package is kept: another archive is another folder. */
export function pluginFolder(
  home: string,
  { name, version, integrity }: Pick<LockEntry, 'name' | 'version' | 'integrity'>,
) {
  const hash = createHash('sha256').update(integrity).digest('hex').slice(0, 8)
  return join(storeFolder(home), ...name.split('/'), `${version}-${hash}`)
}

/**
 * The plugins that the lock of a home pins.
 *
 * @param inputs is given the path of the lock
 * @param drafts texts that are to stand in files, by absolute path
 * @throws CcrError `CCR_PLUGIN_INTEGRITY` when the lock is damaged
 */
export async function findStored(
  home: string,
  inputs: Set<string>,
  drafts: ReadonlyMap<string, string> = new Map(),
): Promise<readonly StoredPlugin[]> {
  const file = lockFile(home)
  inputs.add(file)
  const text = drafts.get(file) ?? (await readFile(file, 'utf8').catch(() => undefined))
  return Promise.all(
    parseLock(text, file).map(async (pin) => {
      const folder = pluginFolder(home, pin)
      return { pin, folder, manifest: await readManifest(folder).catch(() => undefined) }
    }),
  )
}

/** The added plugin that an entry names, by the name of the package or of the plugin. */
export function findByName(stored: readonly StoredPlugin[], use: string): StoredPlugin | undefined {
  return stored.find(({ pin }) => pin.name === use) ?? stored.find(({ pin }) => pin.plugin === use)
}

/** The code of an added plugin, and the file that it was loaded from. */
export interface LoadedStored {
  readonly file: string
  readonly code: LoadedPlugin | LoadFailure
}

/** What was asked for already: one reading of the lock loads a plugin once, the next one looks at every byte again. */
const loads = new WeakMap<StoredPlugin, Promise<LoadedStored>>()

/**
 * Loads the code of an added plugin, after every byte of it was found to be what was agreed to.
 *
 * @throws CcrError `CCR_PLUGIN_INTEGRITY` or `CCR_PLUGIN_GRANT`
 */
export function loadStored(stored: StoredPlugin): Promise<LoadedStored> {
  const loading = loads.get(stored) ?? load(stored)
  loads.set(stored, loading)
  return loading
}

async function load(stored: StoredPlugin): Promise<LoadedStored> {
  const { pin, folder } = stored
  const file = await verify(stored)
  const loaded = await loadPluginFile(file)
  // No file of it is watched: it lies in a folder that never changes, and another version is another folder.
  if ('error' in loaded) return { file, code: { error: loaded.error, inputs: [] } }
  const { plugin } = loaded
  if (plugin.name !== pin.plugin) {
    throw tampered(pin, folder, `its code is that of a plugin named ${plugin.name}, not ${pin.plugin}`)
  }
  assertGranted(pin, plugin.capabilities)
  // The same code may do something else with other dependencies.
  const hash = createHash('sha256').update(`${loaded.hash} ${pin.tree}`).digest('hex')
  return { file, code: { ...loaded, plugin: heldToHooks(plugin, pin), hash, inputs: [] } }
}

/** The entry file of a plugin whose files are those of the lock, and which asks for no more than was granted. */
async function verify({ pin, folder }: StoredPlugin): Promise<string> {
  const tree = await hashTree(folder).catch((thrown: unknown) => {
    throw tampered(pin, folder, `it cannot be read: ${messageOf(thrown)}`, thrown)
  })
  if (tree !== pin.tree) throw tampered(pin, folder, 'a file in it was changed, added or removed')
  try {
    const description = await readPackage(folder)
    const manifest = await readManifest(folder)
    assertGranted(pin, manifest.capabilities)
    return join(folder, description.entry)
  } catch (thrown) {
    if (isCcrError(thrown)) throw thrown
    throw tampered(pin, folder, messageOf(thrown), thrown)
  }
}

function assertGranted(pin: LockEntry, asked: readonly string[] | undefined): void {
  const missing = (asked ?? []).filter((capability) => !pin.capabilities.includes(capability))
  if (missing.length === 0) return
  const fact = `asks for ${missing.join(', ')}, which the lock does not grant`
  const remedy = `Look at it and grant it with \`ccr plugin update ${pin.name}\`, or remove the plugin.`
  throw new CcrError('CCR_PLUGIN_GRANT', `the plugin ${pin.plugin} ${fact}. ${remedy}`, { plugin: pin.plugin })
}

/** The plugin, which takes part in no hook but those that were shown when it was agreed to. */
function heldToHooks(plugin: Plugin, { name, hooks }: LockEntry): Plugin {
  const refused = (hook: string): CcrError => {
    const fact = `takes part in ${hook}, which its manifest does not say`
    const remedy = `Ask its author for a correct manifest, or \`ccr plugin remove ${name}\`.`
    const message = `the plugin ${plugin.name} ${fact}. ${remedy}`
    return new CcrError('CCR_PLUGIN_GRANT', message, { plugin: plugin.name })
  }
  return Object.freeze({
    ...plugin,
    activate: (ctx: PluginContext) => {
      const on: PluginContext['on'] = (hook, handler, placement) => {
        if (!hooks.includes(hook)) throw refused(hook)
        ctx.on(hook, handler, placement)
      }
      return plugin.activate(Object.freeze({ ...ctx, on }))
    },
  })
}

async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, (await readPackage(folder)).manifest)
  const manifest: unknown = JSON.parse(await readFile(file, 'utf8'))
  if (Value.Check(Manifest, manifest)) return manifest
  throw new Error(`${file} does not have the form of a manifest`)
}

async function readPackage(folder: string): Promise<PackageDescription> {
  return readDescription(await readFile(join(folder, 'package.json'), 'utf8'))
}

function tampered({ name, plugin, source }: LockEntry, folder: string, fact: string, cause?: unknown): CcrError {
  const again = `add it again with \`ccr plugin add ${source}\`, or \`ccr plugin remove ${name}\``
  const remedy = `Find out who changed it, then ${again}.`
  const message = `the plugin ${plugin} is not what was installed: ${folder}: ${fact}. ${remedy}`
  return new CcrError('CCR_PLUGIN_INTEGRITY', message, { plugin, at: folder, cause })
}
