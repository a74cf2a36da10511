import { readFile, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { loadPluginFile } from './evaluate.ts'
import { toManifest, type Manifest } from './manifest.ts'
import { findPluginFile } from './plugin-package.ts'

/** What stands in the manifest of a working copy now. */
export interface WrittenManifest {
  readonly manifest: Manifest
  /** Absolute path. */
  readonly file: string
  readonly changed: boolean
}

/**
 * Writes the static manifest of the package in a folder, as its code is now. One that would not change is left alone.
 *
 * @param describe gives the manifest by the entry file; in this process unless told
 * @throws CcrError of the code, or `CCR_INSTALL_PACKAGE` when the package names no manifest
 */
export async function writeManifest(folder: string, describe = describeHere): Promise<WrittenManifest> {
  const { file: entry, folder: home, version } = await findPluginFile(folder)
  const named = home && (await manifestPath(home))
  if (named === undefined) {
    const fact = `${resolve(folder)} names no manifest`
    const remedy = 'Add "ccr": "./manifest.json" to the package.json of the plugin, and name its folder.'
    throw new CcrError('CCR_INSTALL_PACKAGE', `${fact}. ${remedy}`, { at: resolve(folder) })
  }
  const manifest = await describe(entry, version)
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  const changed = (await readFile(named, 'utf8').catch(() => '')) !== text
  if (changed) await writeFile(named, text)
  return { manifest, file: named, changed }
}

async function describeHere(entry: string, version: string): Promise<Manifest> {
  const loaded = await loadPluginFile(entry)
  if ('error' in loaded) throw loaded.error
  return toManifest(loaded.plugin, version)
}

/** Nothing where `package.json` names none inside the package. */
async function manifestPath(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}')
  const { ccr } = Object(JSON.parse(text)) as { readonly ccr?: unknown }
  if (typeof ccr !== 'string') return undefined
  const file = resolve(folder, ccr)
  return relative(folder, file).startsWith('..') ? undefined : file
}
