/** The second names that keys of a config have. */
export const ALIASES = { Providers: 'providers', plugins: 'Plugins' } as const

type Aliased = keyof typeof ALIASES

/** The name by which a config says a key that has two. */
export function writtenKey(config: Readonly<Record<string, unknown>>, key: Aliased): string {
  return Object.hasOwn(config, ALIASES[key]) ? ALIASES[key] : key
}

/** Both names of keys. */
export function namesOf(...keys: readonly Aliased[]): readonly string[] {
  return keys.flatMap((key) => [key, ALIASES[key]])
}
