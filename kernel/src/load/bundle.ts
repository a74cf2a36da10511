import { createRequire, isBuiltin } from 'node:module'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { CcrError, messageOf } from '@ccr/sdk'
import { build, type BuildFailure, type Message, type Plugin as EsbuildPlugin } from 'esbuild'

/** A plugin's own code in one CommonJS text. */
export interface Bundle {
  readonly file: string
  readonly code: string
  /** Absolute paths of every file that went into the code. */
  readonly inputs: readonly string[]
  /** What the code requires of the kernel: `@ccr/sdk`, `typebox` and their subpaths. */
  readonly injected: readonly string[]
}

/** Whether a module is given to plugins by the kernel, so that there is one copy of it. */
export function isInjected(id: string): boolean {
  return /^(?:@ccr\/sdk|typebox)(?:\/|$)/.test(id)
}

/**
 * Bundles a plugin file with its own files and with those packages that themselves build on the SDK or typebox. Other
 * packages stay outside, where Node caches them.
 *
 * @throws CcrError `CCR_PLUGIN_LOAD`, with `file:line:column` where the code is at fault
 */
export async function bundlePlugin(path: string): Promise<Bundle> {
  const file = resolve(path)
  const stats = await stat(file).catch(() => undefined)
  if (stats === undefined) throw refuse(file, 'does not exist. Correct the path in the config.')
  if (!stats.isFile()) throw refuse(file, 'is not a file. Name the entry file of the plugin.')
  const folder = dirname(file)
  const injected = new Set<string>()
  const result = await build({
    entryPoints: [file],
    absWorkingDir: folder,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    write: false,
    metafile: true,
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'silent',
    // It would be undefined in the evaluated code, so the fault is told at its place and not where it strikes.
    logOverride: { 'empty-import-meta': 'error' },
    plugins: [dependencies(injected)],
  }).catch((thrown: unknown) => {
    throw buildFault(file, folder, thrown)
  })
  const inputs = Object.keys(result.metafile.inputs).filter((input) => !input.startsWith(`${INJECTED}:`))
  return {
    file,
    code: result.outputFiles[0]?.text ?? '',
    inputs: inputs.map((input) => resolve(folder, input)).sort(),
    injected: [...injected].sort(),
  }
}

const INJECTED = 'ccr-injected'

function dependencies(injected: Set<string>): EsbuildPlugin {
  return {
    name: 'ccr-dependencies',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[^./]/ }, async ({ path, kind, namespace, importer, resolveDir }) => {
        if (kind === 'entry-point' || path.startsWith('#')) return undefined
        if (isBuiltin(path)) return { path, external: true }
        if (isInjected(path)) {
          injected.add(path)
          // A native import() would find a second copy; through this module it becomes the injected require.
          return kind === 'dynamic-import' && namespace === 'file'
            ? { path, namespace: INJECTED }
            : { path, external: true }
        }
        const found = await findPackage(path, resolveDir)
        if (found === undefined || found.buildsOnSdk) return undefined
        return {
          path: importer.includes(`${sep}node_modules${sep}`) ? resolveFrom(importer, path) : path,
          external: true,
        }
      })
      onLoad({ filter: /.*/, namespace: INJECTED }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(path)})`,
        loader: 'js',
      }))
    },
  }
}

/** The installed package that a specifier names, as Node would find it; nothing for a path alias or a missing one. */
async function findPackage(specifier: string, from: string): Promise<{ readonly buildsOnSdk: boolean } | undefined> {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  for (let folder = from; ; folder = dirname(folder)) {
    const text = await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8').catch(() => undefined)
    if (text !== undefined) return { buildsOnSdk: namesSdk(text) }
    if (dirname(folder) === folder) return undefined
  }
}

function namesSdk(packageJson: string): boolean {
  try {
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(packageJson) as Record<
      string,
      Record<string, string> | undefined
    >
    const names = { ...dependencies, ...peerDependencies }
    return Object.hasOwn(names, '@ccr/sdk') || Object.hasOwn(names, 'typebox')
  } catch {
    return false
  }
}

/** A bundled package may have its own copy of a dependency, which the plugin's folder would not find. */
function resolveFrom(importer: string, specifier: string): string {
  try {
    return createRequire(importer).resolve(specifier)
  } catch {
    return specifier
  }
}

function buildFault(file: string, folder: string, thrown: unknown): CcrError {
  const message: Message | undefined = isBuildFailure(thrown) ? thrown.errors[0] : undefined
  if (message === undefined)
    return refuse(file, `cannot be built: ${messageOf(thrown)}. Correct the plugin.`, file, thrown)
  const { text, location } = message
  const at = location === null ? file : `${resolve(folder, location.file)}:${location.line}:${location.column + 1}`
  return refuse(at, `cannot be built: ${text.replace(/\.$/, '')}. ${remedy(text)}`, at, thrown)
}

function remedy(text: string): string {
  if (text.includes('Top-level await')) return 'Move the await into activate().'
  if (text.includes('import.meta')) return 'A plugin is evaluated as one CommonJS text: import the file instead.'
  if (text.startsWith('Could not resolve')) return 'Install the package beside the plugin, or correct the path.'
  return 'Correct the code; it is loaded again when it changes.'
}

function isBuildFailure(thrown: unknown): thrown is BuildFailure {
  return thrown instanceof Error && 'errors' in thrown && Array.isArray(thrown.errors)
}

function refuse(subject: string, fact: string, at = subject, cause?: unknown): CcrError {
  return new CcrError('CCR_PLUGIN_LOAD', `${subject} ${fact}`, { at, cause })
}
