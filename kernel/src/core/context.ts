import { CcrError } from '@ccr/sdk'
import type { CanonicalEvent, CanonicalMessage, CanonicalRequest, Facilities, HookName } from '@ccr/sdk'
import type { InnerOptions, Placement, PluginContext } from '@ccr/sdk'
import { channel, type ChannelEnd, heldTo, withFields } from '@ccr/sdk/kernel'
import type { Entry, ProviderBlueprint } from './blueprint.ts'
import type { Instance } from './instance.ts'
import type { Log } from './log.ts'
import { broken } from './services.ts'
import { HOOK_RULES, type Tap } from './tap.ts'

/** Runs an exchange inside another one; see {@link PluginContext.exchange}. Without a reader it gives a message. */
export type RunInner = (request: CanonicalRequest, where: InnerOptions, reader?: Reader) => Promise<InnerAnswer>
type Reader = ChannelEnd<CanonicalEvent>
type InnerAnswer = CanonicalMessage | undefined

/** What a context gives beside what it takes. */
export interface Given {
  readonly requirements: ReadonlyMap<string, unknown>
  readonly inner: RunInner
  readonly log: Log
  /** What this entry's plugin could use if it declared all of it. */
  readonly facilities: Facilities
}

/** What a plugin gets at activation. Everything obtained through it belongs to the instance and is undone with it. */
export function createContext(instance: Instance, options: unknown, config: unknown, given: Given): PluginContext {
  const { id: entryId, plugin, granted = plugin.capabilities, provider: own } = instance.entry
  /** The instance, for as long as it may be used. */
  const live = (): Instance => {
    if (!instance.disposed) return instance
    const fact = `plugin '${plugin.name}' used its context after it was disposed`
    throw new CcrError('CCR_PLUGIN_STALE', `${fact}; do not keep ctx beyond disposal`, { plugin: plugin.name })
  }
  /** The instance, as long as it may register something: a generation is fixed once it is built. */
  const open = (what: string): Instance => {
    if (!live().activated) return instance
    const fact = `plugin '${plugin.name}' registered ${what} after its activation`
    throw new CcrError('CCR_PLUGIN_ACTIVATE', `${fact}; do it inside activate`, { plugin: plugin.name })
  }
  const declared = (list: 'provides' | 'requires' | 'contributes', what: string): void => {
    if (!plugin[list].includes(what)) throw broken(plugin, `uses '${what}' without declaring it; add it to ${list}`)
  }
  return Object.freeze<PluginContext>({
    name: plugin.name,
    entryId,
    profile: instance.profile,
    options,
    config,
    log: withFields(given.log, { plugin: plugin.name, entry: entryId }),
    signal: instance.signal,
    ...heldTo(granted, plugin.name, instance.end.signal, given.facilities),
    on: (hook, handler, placement) => {
      const owner = open(`a handler of ${hook}`)
      owner.taps.push(createTap(owner, hook, handler as Tap['handler'], (placement ?? {}) as AnyPlacement, given.log))
    },
    effect: (inverse) => void live().inverses.push(inverse),
    whileLive: (start) => void open('work to start').starts.push(start),
    state: (key, version, init) => live().state.get(key, version, init),
    provide: (name, service) => {
      declared('provides', name)
      open(`the service '${name}'`).services.set(name, service)
    },
    get: (what) => {
      declared('requires', what)
      live()
      // The requirement's name stands for its type.
      return given.requirements.get(what) as never
    },
    exchange: async (request, how) => {
      live()
      return (await given.inner(request, how))!
    },
    exchangeStream: (request, how) => {
      live()
      return channel((reader) => given.inner(request, how, reader))
    },
    credential: ({ provider }) => {
      live()
      const fact = `plugin '${plugin.name}' asks for the key of a provider; add 'credentials' to its capabilities`
      if (!granted.includes('credentials')) throw new CcrError('CCR_PLUGIN_CAPABILITY', fact, { plugin: plugin.name })
      // An attempt holds the provider whole; its type leaves out what is not for everybody.
      return provider.name === own ? (provider as Partial<ProviderBlueprint>).secret : undefined
    },
    endpoint: (endpoint) => void open(`the endpoint ${endpoint.path}`).endpoints.push(endpoint),
    // A dialect's body and event types stay inside it: the kernel only ever hands back what the dialect made.
    dialect: (dialect) => void open(`the dialect ${dialect.name}`).dialects.push(dialect as never),
    contribute: (point, value) => {
      declared('contributes', point)
      open(`a contribution to '${point}'`).contributions.push({ point, value })
    },
  })
}

/** A guard is never skipped, and a record of what was used never costs the answer. */
const FIXED: Partial<Record<HookName, 'fail' | 'skip'>> = { onRequest: 'fail', onUsage: 'skip' }

type AnyPlacement = Placement & { readonly stage?: string; readonly dialect?: string; readonly durable?: boolean }

function createTap(from: Instance, hook: HookName, handler: Tap['handler'], placement: AnyPlacement, log: Log): Tap {
  const { entry, health } = from
  const rules = HOOK_RULES[hook] as (typeof HOOK_RULES)[HookName] | undefined
  const fault = (fact: string): CcrError =>
    new CcrError('CCR_PLUGIN_ACTIVATE', `plugin '${entry.plugin.name}': ${fact}`, { plugin: entry.plugin.name })
  if (!rules) throw fault(`there is no hook '${String(hook)}'; the hooks are ${Object.keys(HOOK_RULES).join(', ')}`)
  if (typeof handler !== 'function') throw fault(`the handler of ${hook} is not a function`)
  const stage = placement.stage ?? rules.stages[0]!
  if (!rules.stages.includes(stage))
    throw fault(`${hook} has no stage '${stage}'; its stages are ${rules.stages.join(', ')}`)
  return {
    plugin: entry.plugin.name,
    entryId: entry.id,
    paths: entry.paths ?? [],
    hook,
    handler,
    stage,
    dialect: placement.dialect === '*' ? undefined : placement.dialect,
    durable: placement.durable === true,
    before: placement.before ?? [],
    after: placement.after ?? [],
    timeoutMs: placement.timeoutMs ?? rules.timeoutMs,
    onFailure: placement.onFailure ?? rules.onFailure,
    when: undefined,
    health,
    log,
  }
}

/** The tap as one entry of one generation places it: the entry's own placement wins. */
export function placed(tap: Tap, entry: Entry): Tap {
  return {
    ...tap,
    before: [...tap.before, ...(entry.before ?? [])],
    after: [...tap.after, ...(entry.after ?? [])],
    timeoutMs: entry.timeoutMs ?? tap.timeoutMs,
    onFailure: FIXED[tap.hook] ?? entry.onFailure ?? tap.onFailure,
    when: entry.when,
  }
}
