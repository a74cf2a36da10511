import { CcrError, type HookName, type PluginContext, type Placement } from '@ccr/sdk'
import type { Instance } from './instance.ts'
import { withFields, type Log } from './log.ts'
import { HOOK_RULES, type Tap } from './tap.ts'

/** What a plugin gets at activation. Everything obtained through it belongs to the instance and is undone with it. */
export function createContext(instance: Instance, options: unknown, config: unknown, log: Log): PluginContext {
  const { id: entryId, plugin } = instance.entry
  const live = (): void => {
    if (!instance.disposed) return
    throw new CcrError(
      'CCR_PLUGIN_STALE',
      `plugin '${plugin.name}' used its context after it was disposed; do not keep ctx beyond disposal`,
      {
        plugin: plugin.name,
      },
    )
  }
  return Object.freeze<PluginContext>({
    name: plugin.name,
    entryId,
    options,
    config,
    log: withFields(log, { plugin: plugin.name, entry: entryId }),
    signal: instance.signal,
    on: (hook, handler, placement) => {
      live()
      instance.taps.push(createTap(instance, hook, handler as Tap['handler'], (placement ?? {}) as AnyPlacement))
    },
    effect: (inverse) => {
      live()
      instance.inverses.push(inverse)
    },
    endpoint: (endpoint) => {
      live()
      instance.endpoints.push(endpoint)
    },
    dialect: (dialect) => {
      live()
      // A dialect's body and event types stay inside it: the kernel only ever hands back what the dialect made.
      instance.dialects.push(dialect as never)
    },
    contribute: (point, value) => {
      live()
      instance.contributions.push({ point, value })
    },
  })
}

/** A guard is never skipped, and a record of what was used never costs the answer. */
const FIXED: Partial<Record<HookName, 'fail' | 'skip'>> = { onRequest: 'fail', onUsage: 'skip' }

type AnyPlacement = Placement & { readonly stage?: string; readonly dialect?: string; readonly durable?: boolean }

function createTap(instance: Instance, hook: HookName, handler: Tap['handler'], placement: AnyPlacement): Tap {
  const { entry } = instance
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
    hook,
    handler,
    stage,
    dialect: placement.dialect === '*' ? undefined : placement.dialect,
    durable: placement.durable === true,
    before: placement.before ?? [],
    after: placement.after ?? [],
    timeoutMs: placement.timeoutMs ?? rules.timeoutMs,
    onFailure: FIXED[hook] ?? placement.onFailure ?? rules.onFailure,
  }
}

/** The tap as one entry of one generation places it: the entry's own placement wins. */
export function placed(tap: Tap, entry: Instance['entry']): Tap {
  return {
    ...tap,
    before: [...tap.before, ...(entry.before ?? [])],
    after: [...tap.after, ...(entry.after ?? [])],
    timeoutMs: entry.timeoutMs ?? tap.timeoutMs,
    onFailure: FIXED[tap.hook] ?? entry.onFailure ?? tap.onFailure,
  }
}
