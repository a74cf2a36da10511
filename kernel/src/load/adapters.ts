import { createHash } from 'node:crypto'
import type Module from 'node:module'
import { CcrError, isCcrError, messageOf, type Plugin } from '@ccr/sdk'
import { placeOf } from '@ccr/sdk/kernel'
import { importBuiltin, type Builtin } from './builtin.ts'
import { defaultIn, type AdaptModule, type ForeignPlugin, type LoadedModule, type LoadFailure } from './evaluate.ts'
import { loadStored, type StoredPlugin } from './store.ts'

/** An installed plugin that makes plugins of other code. */
interface Adapter {
  readonly name: string
  /** The capabilities that were granted to it, which what it makes must not exceed. */
  readonly granted: readonly string[] | undefined
  load(): Promise<ForeignPlugin>
}

/** More plugins are not remembered of one module. */
const MAX_KEPT = 32

// Code that did not change is not made ready again, so that it keeps what it remembers.
const kept = new WeakMap<Module, Map<string, Plugin>>()

/**
 * Asks the adapters among these plugins, one after the other; the code of none is imported before there is something to
 * adapt.
 */
export function adaptBy(builtins: readonly Builtin[], stored: readonly StoredPlugin[]): AdaptModule {
  const own = builtins.flatMap((builtin): Adapter | [] => {
    const { name, code, manifest } = builtin
    const load = async (): Promise<ForeignPlugin> => loaded(code ?? (await importBuiltin(builtin)))
    return manifest.adapts === true ? { name, granted: undefined, load } : []
  })
  const added = stored.flatMap((one): Adapter | [] => {
    const { plugin: name, capabilities: granted } = one.pin
    const load = async (): Promise<ForeignPlugin> => loaded((await loadStored(one)).code)
    return one.manifest?.adapts === true ? { name, granted, load } : []
  })
  const adapters = [...own, ...added]
  return async (code, options) => {
    const { file, module } = code
    const exported = defaultIn(module.exports)
    for (const { name, granted, load } of adapters) {
      const { plugin: adapter, hash: ownHash } = await load()
      const hash = createHash('sha256').update(`${code.hash} ${ownHash}`).digest('hex')
      const key = `${name} ${hash} ${JSON.stringify(options)}`
      const plugin = kept.get(module)?.get(key) ?? attempt(code, () => adapter.adapt?.(exported, { file, options }))
      if (plugin === undefined) continue
      keep(module, key, plugin)
      return { plugin, hash, granted }
    }
    return undefined
  }
}

function loaded(code: ForeignPlugin | LoadFailure): ForeignPlugin {
  if ('error' in code) throw code.error
  return code
}

function keep(module: Module, key: string, plugin: Plugin): void {
  const known = kept.get(module) ?? new Map<string, Plugin>()
  kept.set(module, known)
  known.delete(key)
  known.set(key, plugin)
  const [oldest] = known.keys()
  if (known.size > MAX_KEPT && oldest !== undefined) known.delete(oldest)
}

function attempt<T>({ file, inputs }: LoadedModule, adapt: () => T): T {
  try {
    return adapt()
  } catch (thrown) {
    if (isCcrError(thrown)) throw thrown
    const at = placeOf(thrown, inputs) ?? file
    const fact = `${at} cannot be used: ${messageOf(thrown).split('\n')[0]!.replace(/\.$/, '')}`
    const message = `${fact}. Correct the code; it is loaded again when it changes.`
    throw new CcrError('CCR_PLUGIN_LOAD', message, { at, cause: thrown })
  }
}
