import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { CcrError, isCcrError, messageOf, type Plugin } from '@ccr/sdk'
import { Value } from '@ccr/sdk/typebox'
import type { LoadedPlugin, LoadFailure, LoadTiming } from './evaluate.ts'
import { Manifest } from './manifest.ts'
import { assertPlugin } from './plugin-shape.ts'
import { emptyManifest, loadSource } from './source.ts'

/** A plugin that is installed with the router, known by its manifest alone. */
export interface Builtin {
  /** Short name, such as `provider-demo`. */
  readonly name: string
  /** Its `package.json`'s name. */
  readonly packageName: string
  readonly folder: string
  /** The entry file: the compiled one, or the source when `code` is from there. */
  readonly file: string
  readonly manifest: Manifest
  /** What `src` gave, when code is taken from there; nothing when the compiled file is imported by those who use it. */
  readonly code?: LoadedPlugin | LoadFailure | undefined
}

/** Where the code of built-in plugins is taken from: compiled, or in a checkout the source as it is now. */
export type BuiltinOrigin = 'dist' | 'src'

/** Prefix of the package names of built-in plugins. */
export const PACKAGE_PREFIX = '@ccr/plugin-'

/**
 * The root of the installation, which holds `plugins` and `presets`: in a checkout the folder that the kernel's is in,
 * in the installed package the one whose `node_modules` it is in.
 */
export function packageRoot(): string {
  return ROOT
}

/** The folder of the SDK that comes with the router. */
export function sdkFolder(): string {
  return resolve(dirname(createRequire(import.meta.url).resolve('@ccr/sdk')), '..')
}

const KERNEL = fileURLToPath(new URL('../..', import.meta.url))
const ROOTS = ['..', '../../..'].map((up) => join(KERNEL, up))
const ROOT = ROOTS.find((root) => existsSync(join(root, 'presets'))) ?? KERNEL

/** Whether code came with the router. A `file:` plugin may carry a built-in one's name; its file lies elsewhere. */
export function isBuiltinFile(file: string | undefined): boolean {
  return file?.startsWith(join(packageRoot(), 'plugins') + sep) === true
}

/** What the environment asks for: `CCR_DEV=1` is set by `npm run dev`. */
export function originOf(env: NodeJS.ProcessEnv): BuiltinOrigin {
  return env['CCR_DEV'] === '1' ? 'src' : 'dist'
}

/**
 * The plugins under `plugins/` by name: those that have been built, or with `src` those that have a source.
 *
 * @throws CcrError `CCR_PLUGIN_LOAD` when a manifest is damaged
 */
export async function findBuiltins(root = packageRoot(), origin: BuiltinOrigin = 'dist'): Promise<readonly Builtin[]> {
  const folders = await readdir(join(root, 'plugins'), { withFileTypes: true }).catch(() => [])
  const found = folders
    .filter((entry) => entry.isDirectory())
    .map((entry) => readBuiltin(join(root, 'plugins', entry.name), origin))
  const builtins = (await Promise.all(found)).filter((builtin) => builtin !== undefined)
  return builtins.sort((first, second) => (first.name < second.name ? -1 : 1))
}

/** What `findBuiltins` and the build step read of a plugin's `package.json`. */
export interface PluginPackage {
  readonly name: string
  readonly version: string
  /** The manifest's path. */
  readonly ccr: string
  readonly exports: { readonly '.': { readonly default: string } }
}

/** Reads a plugin's `package.json`; nothing when the folder is not a plugin's. */
export async function readPluginPackage(folder: string): Promise<PluginPackage | undefined> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const parsed = parse(text, join(folder, 'package.json')) as Partial<PluginPackage>
  return parsed.ccr === undefined ? undefined : (parsed as PluginPackage)
}

async function readBuiltin(folder: string, origin: BuiltinOrigin): Promise<Builtin | undefined> {
  const description = await readPluginPackage(folder)
  if (description === undefined) return undefined
  const { name: packageName, version } = description
  const source = origin === 'src' ? await loadSource(folder, version) : undefined
  const manifest = source?.manifest ?? (await readManifest(resolve(folder, description.ccr)))
  if (source !== undefined) {
    const described = manifest ?? emptyManifest(folder, version)
    const { file, code } = source
    return { name: described.name, packageName, folder, file, manifest: described, code }
  }
  if (manifest === undefined) return undefined
  const file = resolve(folder, description.exports['.'].default)
  return { name: manifest.name, packageName, folder, file, manifest }
}

async function readManifest(file: string): Promise<Manifest | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const manifest = parse(text, file)
  if (!Value.Check(Manifest, manifest)) throw damaged(file, 'it does not fit the schema of manifests')
  return manifest
}

/** The code of a built-in plugin, as it was imported. */
export interface ImportedPlugin {
  readonly plugin: Plugin
  /** SHA-256 of its compiled files, in hexadecimal. */
  readonly hash: string
  readonly timing: LoadTiming
}

/** Imports the code of a built-in plugin. Node keeps it, so code and hash stay the same while the process lives. */
export function importBuiltin(builtin: Builtin): Promise<ImportedPlugin> {
  const known = imported.get(builtin.file)
  if (known !== undefined) return known
  const loading = load(builtin)
  imported.set(builtin.file, loading)
  loading.catch(() => imported.delete(builtin.file))
  return loading
}

// Mirrors Node's own module cache, so that a hash never describes newer files than the code that runs.
const imported = new Map<string, Promise<ImportedPlugin>>()

async function load({ name, file }: Builtin): Promise<ImportedPlugin> {
  const hash = await hashCode(dirname(file))
  try {
    const start = performance.now()
    const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown }
    const timing = { bundleMs: 0, evaluateMs: performance.now() - start }
    return { plugin: assertPlugin(module.default, file), hash, timing }
  } catch (thrown) {
    if (isCcrError(thrown)) throw thrown
    const message = `the built-in plugin ${name} cannot be imported: ${messageOf(thrown)}. Install the router again.`
    throw new CcrError('CCR_PLUGIN_LOAD', message, { plugin: name, at: file, cause: thrown })
  }
}

async function hashCode(folder: string): Promise<string> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.js'))
    .map((entry) => join(entry.parentPath, entry.name))
  const hash = createHash('sha256')
  for (const file of files.sort())
    hash
      .update(`${relative(folder, file)}\0`)
      .update(await readFile(file))
      .update('\0')
  return hash.digest('hex')
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    throw damaged(file, messageOf(thrown), thrown)
  }
}

function damaged(file: string, fact: string, cause?: unknown): CcrError {
  const message = `${file} cannot be used: ${fact}. Install the router again, or build it in a checkout.`
  return new CcrError('CCR_PLUGIN_LOAD', message, { at: file, cause })
}
