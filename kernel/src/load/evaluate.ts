import { createHash } from 'node:crypto'
import Module from 'node:module'
import { basename, dirname, join } from 'node:path'
import { CcrError, messageOf, type Plugin } from '@ccr/sdk'
import { bundlePlugin, isInjected, type Bundle } from './bundle.ts'
import { assertPlugin } from './plugin-shape.ts'

/** A plugin that was loaded from a file. */
export interface LoadedPlugin {
  readonly plugin: Plugin
  /** SHA-256 of the code, in hexadecimal. */
  readonly hash: string
  /** Absolute paths of the files that a watcher must look at. */
  readonly inputs: readonly string[]
}

/**
 * Loads a plugin from a TypeScript or JavaScript file, anew at every call.
 *
 * @throws CcrError `CCR_PLUGIN_LOAD` or `CCR_PLUGIN_API`
 */
export async function loadPluginFile(file: string): Promise<LoadedPlugin> {
  const bundle = await bundlePlugin(file)
  const hash = createHash('sha256').update(bundle.code).digest('hex')
  const modules = await kernelModules(bundle)
  const exported = evaluate(bundle, hash, modules)
  return { plugin: assertPlugin(defaultOf(exported), bundle.file), hash, inputs: bundle.inputs }
}

/** The kernel's own copies of what the code asks for, by specifier. */
async function kernelModules({ file, injected }: Bundle): Promise<ReadonlyMap<string, unknown>> {
  const modules = injected.map(async (id) => {
    try {
      return [id, await import(id)] as const
    } catch (thrown) {
      const fact = `${file} imports ${id}, which does not exist: ${messageOf(thrown)}. Correct the import.`
      throw new CcrError('CCR_PLUGIN_LOAD', fact, { at: file, cause: thrown })
    }
  })
  return new Map(await Promise.all(modules))
}

/** What Node's loader has and its types do not say. */
interface CompilingModule extends Module {
  _compile(code: string, file: string): void
}

interface ModuleInternals {
  _nodeModulePaths(folder: string): string[]
}

function evaluate(bundle: Bundle, hash: string, modules: ReadonlyMap<string, unknown>): unknown {
  process.setSourceMapsEnabled(true)
  const folder = dirname(bundle.file)
  const name = join(folder, `.${basename(bundle.file)}@${hash.slice(0, 8)}.cjs`)
  // Only _compile gives stack traces at the line of the source; vm scripts get no source maps. The cast names the two
  // internals that every CommonJS hook relies on.
  const module = new Module(name) as CompilingModule
  module.filename = name
  module.paths = (Module as unknown as ModuleInternals)._nodeModulePaths(folder)
  const require = module.require.bind(module)
  module.require = Object.assign((id: string) => (isInjected(id) ? modules.get(id) : require(id)), require)
  try {
    module._compile(bundle.code, name)
  } catch (thrown) {
    const at = placeIn(bundle, thrown)
    const fact = `threw while it was evaluated: ${messageOf(thrown)}`
    const message = `${at} ${fact}. Importing a plugin must do nothing; correct it.`
    throw new CcrError('CCR_PLUGIN_LOAD', message, { at, cause: thrown })
  }
  module.loaded = true
  return module.exports
}

function defaultOf(exported: unknown): unknown {
  if (typeof exported !== 'object' || exported === null) return exported
  return 'default' in exported ? exported.default : exported
}

/** The place in the plugin's own files that a stack trace names first. */
function placeIn({ file, inputs }: Bundle, thrown: unknown): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : ''
  for (const [, path = '', position = ''] of stack.matchAll(/\(?((?:\/|[A-Za-z]:\\)[^\n()]*?)(:\d+:\d+)\)?$/gm)) {
    if (inputs.includes(path)) return path + position
  }
  return file
}
