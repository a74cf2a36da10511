import { createRequire, isBuiltin } from 'node:module'
import { readFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import type { ImportKind, Plugin as EsbuildPlugin } from 'esbuild'

/** Whether a module is given to plugins by the kernel, so that there is one copy of it. */
export function isInjected(id: string): boolean {
  return /^(?:@ccr\/sdk|typebox)(?:\/|$)/.test(id)
}

/** What a bundle is found to depend on. */
export interface Dependencies {
  /** Absolute paths of the files that were read. */
  readonly inputs: Set<string>
  /** What the code requires of the kernel: `@ccr/sdk`, `typebox` and their subpaths. */
  readonly injected: Set<string>
}

const REQUIRED = 'ccr-required'
const IMPORTED = 'ccr-imported'

/**
 * The module through which an injected one is reached, if not directly. A native import() would find a second copy. In
 * a file that Node takes for an ES module, all of what is imported would be its default.
 */
function throughOf(path: string, kind: ImportKind): string | undefined {
  const isDynamic = kind === 'dynamic-import'
  // Only these have a default; what is reached through a module is read by getters, which cost more.
  if (path.startsWith('typebox') && (isDynamic || kind === 'import-statement')) return IMPORTED
  return isDynamic ? REQUIRED : undefined
}

/**
 * Decides what belongs to a bundle: a plugin's own files, and the packages that themselves build on the SDK or typebox.
 * Other packages stay outside, where Node caches them. What it sees it notes.
 */
export function followDependencies({ inputs, injected }: Dependencies): EsbuildPlugin {
  return {
    name: 'ccr-dependencies',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[^./]/ }, async ({ path, kind, namespace, importer, resolveDir }) => {
        if (kind === 'entry-point' || path.startsWith('#')) return undefined
        if (isBuiltin(path)) return { path, external: true }
        if (isInjected(path)) {
          injected.add(path)
          const through = namespace === 'file' && throughOf(path, kind)
          return through ? { path, namespace: through } : { path, external: true }
        }
        const found = await findPackage(path, resolveDir)
        if (found === undefined || found.buildsOnSdk) return undefined
        return {
          path: importer.includes(`${sep}node_modules${sep}`) ? resolveFrom(importer, path) : path,
          external: true,
        }
      })
      // As it is written it may lead through a symbolic link, of which the path of the file that is found says nothing.
      onResolve({ filter: /^\.{0,2}(\/|$)/, namespace: 'file' }, ({ path, resolveDir }) => {
        inputs.add(resolve(resolveDir, path))
        return undefined
      })
      // Noted here and not read from the result, because a build that fails has none.
      onLoad({ filter: /.*/, namespace: 'file' }, ({ path }) => {
        inputs.add(path)
        return undefined
      })
      onLoad({ filter: /.*/, namespace: REQUIRED }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(path)})`,
        loader: 'js',
      }))
      onLoad({ filter: /.*/, namespace: IMPORTED }, ({ path }) => {
        const from = `from ${JSON.stringify(path)}`
        return { contents: `export * ${from}; export { default } ${from}`, loader: 'js' }
      })
    },
  }
}

/** The name of the package in a specifier such as `@scope/name/subpath`. */
export function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** The installed package that a specifier names, as Node would find it; nothing for a path alias or a missing one. */
async function findPackage(specifier: string, from: string): Promise<{ readonly buildsOnSdk: boolean } | undefined> {
  const name = packageName(specifier)
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
