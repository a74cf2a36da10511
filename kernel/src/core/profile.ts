import type { Dialect, Endpoint, LocalProvider, Provider, Target } from '@ccr/sdk'
import type { ProviderBlueprint } from './blueprint.ts'
import { checkTransformOrder, createHookTable, createTargetHooks, type HookTable, type TargetHooks } from './hooks.ts'
import type { Tap } from './tap.ts'

/** A provider of one generation: configured, or contributed by a plugin. */
export interface GenerationProvider extends Provider, Omit<ProviderBlueprint, keyof Provider | 'ofModels'> {
  /** Present when the answers are made in the process. */
  readonly contributed?: LocalProvider | undefined
  /** The same as some of its models have it, by their names in lower case; nothing for one that is left out. */
  readonly variants?: ReadonlyMap<string, GenerationProvider | undefined> | undefined
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
      [...parts.providers.values()].map(({ name, models: all, dialect, local, variants }) => {
        const models = variants ? all.filter((model) => this.providerOf({ provider: name, model })) : all
        return Object.freeze({ name, models, dialect, local })
      }),
    )
    this.#taps = taps
    this.#conditions = [...new Set(taps.flatMap(({ when }) => when?.target ?? []))]
  }

  /** The entries whose handlers take part when this target is tried, by hook and in their order, as one line. */
  chain(target: Target): string {
    const dialect = this.providerOf(target)?.dialect ?? ''
    const { canonical, wire, send, stream } = this.targetHooks(dialect, target)
    const { onRequest, selectRoute, onError, onUsageDurable, onUsage } = this.hooks
    const transformRequest = [canonical, wire, send]
    const rows = { onRequest: [onRequest], selectRoute: [selectRoute], transformRequest, transformStream: [stream] }
    return Object.entries({ ...rows, onError: [onError], onUsage: [onUsageDurable, onUsage] })
      .map(([hook, parts]) => [hook, parts.flatMap((part) => part?.taps.map(({ name }) => name) ?? [])] as const)
      .flatMap(([hook, names]) => (names.length === 0 ? [] : [`${hook}=${names.join(',')}`]))
      .join('; ')
  }

  /** The provider of a target as its model has it; nothing where there is none, or the model is left out. */
  providerOf({ provider, model }: Target): GenerationProvider | undefined {
    const whole = this.providers.get(provider)
    if (!whole?.variants) return whole
    const name = model.toLowerCase()
    return whole.variants.has(name) ? whole.variants.get(name) : whole
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
