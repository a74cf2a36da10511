import { isObject, type Exchange, type Provider } from '@ccr/sdk'

/** Gives the config as custom routers know it, to exchanges with these providers. */
export type LegacyConfig = (providers: Exchange['providers']) => object

/**
 * The config with the providers that there are. It is one object for all that have the same ones, as it always was, and
 * a copy: what a router changes of it, nobody else reads.
 */
export function legacyConfig(config: Readonly<Record<string, unknown>>): LegacyConfig {
  const made = new WeakMap<object, object>()
  return (providers) => {
    const known = made.get(providers)
    if (known) return known
    const own = structuredClone(config)
    const written = [own['Providers'] ?? own['providers']].flat().filter(isObject)
    // What answers inside the process stands in no config.
    const configured = providers.filter(({ local }) => !local)
    const list = configured.map((provider) => describe(provider, written))
    const legacy = { Router: {}, ...own, Providers: list, providers: list }
    made.set(providers, legacy)
    return legacy
  }
}

function describe({ name, models }: Provider, written: readonly Readonly<Record<string, unknown>>[]): object {
  return { ...written.find((one) => String(one['name']).trim() === name), name, models: [...models] }
}
