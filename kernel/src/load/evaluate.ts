import { createHash } from 'node:crypto'
import Module, { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { CcrError, isCcrError, messageOf, type CodeFile, type Plugin } from '@ccr/sdk'
import { placeOf } from '@ccr/sdk/kernel'
import { bundlePlugin, type Bundle } from './bundle.ts'
import { codeOf } from './code-of.ts'
import { isInjected } from './dependencies.ts'
import { assertPlugin, isDefined } from './plugin-shape.ts'
import { nowRuns } from './start-watch.ts'

/** What loading the code took, in milliseconds. */
export interface LoadTiming {
  /** Building, in the process of esbuild; 0 for compiled code. */
  readonly bundleMs: number
  /** Running the module, on this event loop; 0 when the same code had been run before. */
  readonly evaluateMs: number
}

/** A plugin that was loaded from a file. */
export interface LoadedPlugin {
  readonly plugin: Plugin
  /** SHA-256 of the code, in hexadecimal. */
  readonly hash: string
  /** Absolute paths of the files that a watcher must look at. */
  readonly inputs: readonly string[]
  readonly timing: LoadTiming
  /** The capabilities that it may use at most; those that it declares unless given. */
  readonly granted?: readonly string[] | undefined
}

/** A plugin that was made of code which exports none, by code of its own. */
export type ForeignPlugin = Pick<LoadedPlugin, 'plugin' | 'hash' | 'granted'>

/** Makes a plugin of what a module exports; nothing where it is no such code. The options are those of the entry. */
export type AdaptModule = (
  loaded: LoadedModule,
  options: Readonly<Record<string, unknown>>,
) => Promise<ForeignPlugin | undefined>

/** What a file exports. */
export interface LoadedModule extends Omit<LoadedPlugin, 'plugin' | 'granted'> {
  readonly file: string
  readonly module: Module
}

/** A file that holds no plugin that can be used. */
export interface LoadFailure {
  /** `CCR_PLUGIN_LOAD` or `CCR_PLUGIN_API`. */
  readonly error: CcrError
  /** Absolute paths of the files whose change may mend it; some do not exist, nor does their folder. */
  readonly inputs: readonly string[]
}

/** Loads a plugin from a TypeScript or JavaScript file, as it is now. */
export async function loadPluginFile(path: string): Promise<LoadedPlugin | LoadFailure> {
  const loaded = await loadModule(path)
  return 'error' in loaded ? loaded : toPlugin(loaded)
}

/** Runs a TypeScript or JavaScript file, as it is now, unless the same code was run before. */
export async function loadModule(path: string): Promise<LoadedModule | LoadFailure> {
  const file = resolve(path)
  const seen = new Set<string>()
  const inputs = (): readonly string[] => [...seen].sort()
  try {
    const start = performance.now()
    const bundle = await bundlePlugin(file, seen)
    const hash = createHash('sha256').update(bundle.code).digest('hex')
    const bundleMs = performance.now() - start
    const known = newest.get(file)
    const kept = known?.hash === hash ? known.module.deref() : undefined
    if (kept) return { file, module: kept, hash, inputs: inputs(), timing: { bundleMs, evaluateMs: 0 } }
    const modules = await kernelModules(bundle)
    const evaluation = performance.now()
    const module = run(bundle, hash, modules, inputs())
    return { file, module, hash, inputs: inputs(), timing: { bundleMs, evaluateMs: performance.now() - evaluation } }
  } catch (thrown) {
    if (!isCcrError(thrown)) throw thrown
    return { error: thrown, inputs: inputs() }
  }
}

/** The plugin that a module exports, or that `adapt` makes of what it exports. */
export async function toPlugin(
  loaded: LoadedModule,
  adapt?: AdaptModule,
  options: Readonly<Record<string, unknown>> = {},
): Promise<LoadedPlugin | LoadFailure> {
  const { file, module, hash, inputs, timing } = loaded
  try {
    const foreign = isDefined(defaultIn(module.exports)) ? undefined : await adapt?.(loaded, options)
    const plugin = assertPlugin(foreign ? foreign.plugin : defaultOf(module.exports, file), file)
    sourceMaps.set(plugin, module)
    newest.set(file, { hash, module: new WeakRef(module) })
    return { hash, inputs, timing, ...foreign, plugin }
  } catch (thrown) {
    if (!isCcrError(thrown)) throw thrown
    return { error: thrown, inputs }
  }
}

/** Code of the user's own that is no plugin, and the files that a watcher must look at. */
export interface LoadedCode {
  readonly code: Omit<CodeFile, 'config'>
  readonly inputs: readonly string[]
}

// Code that did not change is not run again, so that it keeps what it remembers; one entry for each file ever named.
const codeFiles = new Map<string, LoadedCode['code']>()

/** Loads a TypeScript or JavaScript file that is no plugin, in the same way. */
export async function loadCodeFile(path: string): Promise<LoadedCode | LoadFailure> {
  const file = resolve(path)
  const seen = new Set<string>()
  try {
    const bundle = await bundlePlugin(file, seen)
    const hash = createHash('sha256').update(bundle.code).digest('hex')
    const inputs = [...seen].sort()
    const known = codeFiles.get(file)
    if (known?.hash === hash) return { code: known, inputs }
    const module = run(bundle, hash, await kernelModules(bundle), inputs)
    const code = {
      file,
      hash,
      exported: defaultOf(module.exports, file),
      // It holds the module, and with it the source map.
      placeOf: (thrown: unknown) => placeOf(thrown, [...inputs, module.filename]),
    }
    codeFiles.set(file, code)
    return { code, inputs }
  } catch (thrown) {
    if (!isCcrError(thrown)) throw thrown
    return { error: thrown, inputs: [...seen].sort() }
  }
}

/** The newest code of each file that is still in use. One small entry remains for each file ever named. */
const newest = new Map<string, { readonly hash: string; readonly module: WeakRef<Module> }>()

/** The kernel's own copies of what the code asks for, by specifier. */
async function kernelModules({ file, injected }: Bundle): Promise<ReadonlyMap<string, unknown>> {
  const modules = injected.map(async (id) => {
    try {
      const module = (await import(id.replace(/^typebox/, '@ccr/sdk/typebox'))) as object
      // So that what esbuild makes of an import takes its default for that.
      return [id, 'default' in module ? { __esModule: true, ...module } : module] as const
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

// Node keeps the source map of a module as long as the module itself, which nobody else holds: neither does a plugin
// that was made of what it exports.
const sourceMaps = new WeakMap<Plugin, Module>()

function run(
  { file, code }: Bundle,
  hash: string,
  modules: ReadonlyMap<string, unknown>,
  inputs: readonly string[],
): Module {
  process.setSourceMapsEnabled(true)
  const folder = dirname(file)
  const name = join(folder, `.${basename(file)}@${hash.slice(0, 8)}.cjs`)
  // Only _compile gives stack traces at the line of the source; vm scripts get no source maps. The cast names the two
  // internals that every CommonJS hook relies on.
  const module = new Module(name) as CompilingModule
  module.filename = name
  module.paths = (Module as unknown as ModuleInternals)._nodeModulePaths(folder)
  // Not the module's own: a package that is loaded here keeps whoever asked for it first.
  const require = createRequire(file)
  module.require = Object.assign((id: string) => (isInjected(id) ? modules.get(id) : require(id)), module.require)
  nowRuns(file)
  try {
    module._compile(code, name)
  } catch (thrown) {
    throw evaluationFault(file, thrown, inputs)
  }
  module.loaded = true
  return module
}

/** The default export, or all that there is. */
export function defaultIn(exported: unknown): unknown {
  return typeof exported === 'object' && exported !== null && 'default' in exported ? exported.default : exported
}

function defaultOf(exported: unknown, file: string): unknown {
  const found = defaultIn(exported)
  if (found !== exported || typeof exported !== 'object' || exported === null || !('__esModule' in exported))
    return found
  const message = `${file} has no default export. End the file with: export default definePlugin({ … })`
  throw new CcrError('CCR_PLUGIN_LOAD', message, { at: file })
}

function evaluationFault(file: string, thrown: unknown, inputs: readonly string[]): CcrError {
  const at = placeOf(thrown, inputs) ?? file
  const fact = `${at} threw while it was evaluated: ${messageOf(thrown).split('\n')[0]}`
  const message = `${fact.replace(/\.$/, '')}. ${remedy(thrown)}`
  return new CcrError('CCR_PLUGIN_LOAD', message, { at, cause: thrown })
}

function remedy(thrown: unknown): string {
  switch (codeOf(thrown)) {
    case 'MODULE_NOT_FOUND':
      return 'Install the package again, or correct the import.'
    case 'ERR_REQUIRE_ASYNC_MODULE':
      return 'The package awaits while it is loaded: import it with import() in activate().'
    default:
      return 'Importing a plugin must do nothing; correct it.'
  }
}
