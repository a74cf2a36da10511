import type { Dialect, Endpoint, LocalProvider, Provider, Target } from '@ccr/sdk'
import type { ProviderBlueprint } from './blueprint.ts'
import { checkTransformOrder, createHookTable, createTargetHooks, type HookTable, type TargetHooks } from './hooks.ts'
import type { Tap } from './tap.ts'

/** A provider of one generation: configured, or contributed by a plugin. */
export interface GenerationProvider extends Provider, Omit<ProviderBlueprint, keyof Provider> {
  /** Present when the answers are made in the process. */
  readonly contributed?: LocalProvider | undefined
}

type Parts = Pick<Profile, 'name' | 'endpoints' | 'dialects' | 'providers'>

/** One routing world inside a generation: its hooks, endpoints, dialects and providers. */
export class Profile {
  readonly name: string
  readonly hooks: HookTable
  readonly endpoints: readonly Endpoint[]
  readonly dialects: ReadonlyMap<string, Dialect>
  /** By name, in config order. */
  readonly providers: ReadonlyMap<string, GenerationProvider>
  /** The same as a list, without what plugins must not see. */
  readonly providerList: readonly Provider[]
  readonly #taps: readonly Tap[]
  readonly #conditions: readonly ((target: Target) => boolean)[]
  readonly #targets = new Map<string, TargetHooks>()

  constructor(parts: Parts, taps: readonly Tap[]) {
    this.name = parts.name
    this.hooks = createHookTable(taps)
    checkTransformOrder(taps)
    this.endpoints = parts.endpoints
    this.dialects = parts.dialects
    this.providers = parts.providers
    this.providerList = Object.freeze(
      [...parts.providers.values()].map(({ name, models, dialect, local }) =>
        Object.freeze({ name, models, dialect, local }),
      ),
    )
    this.#taps = taps
    this.#conditions = [...new Set(taps.flatMap(({ when }) => when?.target ?? []))]
  }

  /** The entries whose handlers take part when this target is tried, by hook and in their order, as one line. */
  chain(target: Target): string {
    const dialect = this.providers.get(target.provider)?.dialect ?? ''
    const { canonical, wire, send, stream } = this.targetHooks(dialect, target)
    const { onRequest, selectRoute, onError, onUsageDurable, onUsage } = this.hooks
    const transformRequest = [canonical, wire, send]
    const rows = { onRequest: [onRequest], selectRoute: [selectRoute], transformRequest, transformStream: [stream] }
    return Object.entries({ ...rows, onError: [onError], onUsage: [onUsageDurable, onUsage] })
      .map(([hook, parts]) => [hook, parts.flatMap((part) => part?.taps.map(({ name }) => name) ?? [])] as const)
      .flatMap(([hook, names]) => (names.length === 0 ? [] : [`${hook}=${names.join(',')}`]))
      .join('; ')
  }

  /** The transform hooks for a target; targets that the same taps apply to share them. */
  targetHooks(dialect: string, target: Target): TargetHooks {
    let key = dialect
    for (const holds of this.#conditions) key += holds(target) ? '+' : '-'
    let hooks = this.#targets.get(key)
    if (!hooks) {
      const taps = this.#taps.filter(({ when }) => when?.target?.(target) !== false)
      this.#targets.set(key, (hooks = createTargetHooks(taps, dialect)))
    }
    return hooks
  }
}
