import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readPluginPackage } from './builtin.ts'
import { toManifest } from './manifest.ts'
import { assertPlugin } from './plugin-shape.ts'

/**
 * The build step that follows the compiler: writes the manifest of every plugin under `plugins/`. A manifest that did
 * not change is not touched.
 *
 * @returns the names of the plugins
 */
export async function writeManifests(root: string): Promise<readonly string[]> {
  const names: string[] = []
  for (const name of (await readdir(join(root, 'plugins'))).sort()) {
    const folder = join(root, 'plugins', name)
    const description = await readPluginPackage(folder)
    if (description === undefined) continue
    const entry = resolve(folder, description.exports['.'].default)
    const module = (await import(pathToFileURL(entry).href)) as { readonly default?: unknown }
    const manifest = await toManifest(assertPlugin(module.default, entry), description.version)
    const file = resolve(folder, description.ccr)
    const text = `${JSON.stringify(manifest, null, 2)}\n`
    if ((await readFile(file, 'utf8').catch(() => '')) !== text) await writeFile(file, text)
    names.push(manifest.name)
  }
  return names
}
