import { CcrError, messageOf, type LocalProvider, type Plugin, type PluginContext } from '@ccr/sdk'
import { within } from '@ccr/sdk/kernel'
import { Type, Value, type Static, type TSchema } from '@ccr/sdk/typebox'

const Names = Type.Array(Type.String())
const JsonSchema = Type.Record(Type.String(), Type.Unknown())

/** What is known of an installed plugin without importing its code. */
export const Manifest = Type.Object({
  name: Type.String({ minLength: 1 }),
  version: Type.String(),
  apiVersion: Type.Literal(1),
  description: Type.String(),
  transformers: Type.Array(
    Type.Object({
      name: Type.String(),
      aliases: Type.Optional(Names),
      dialect: Type.Optional(Type.String()),
      options: Type.Optional(JsonSchema),
    }),
  ),
  scope: Type.Enum(['host', 'profile']),
  provides: Names,
  requires: Names,
  /** It makes plugins of files that export none. */
  adapts: Type.Optional(Type.Boolean()),
  /** What it may reach beyond the exchanges; see the SDK's `Capability`. */
  capabilities: Names,
  hooks: Names,
  endpoints: Type.Array(Type.Object({ method: Type.String(), path: Type.String() })),
  dialects: Names,
  providers: Names,
  optionsSchema: JsonSchema,
  /** JSON Schemas of the config sections that it reads, by key. */
  sections: Type.Record(Type.String(), JsonSchema),
})
export type Manifest = Static<typeof Manifest>

/** As long as a router gives a plugin, in milliseconds. */
const ACTIVATE_MS = 10_000
const DISPOSE_MS = 5_000

/**
 * Describes a plugin by activating it once, with default options, against a context that only notes what is registered.
 *
 * @throws CcrError `CCR_PLUGIN_ACTIVATE`
 */
export async function toManifest(plugin: Plugin, version: string): Promise<Manifest> {
  const notes = { hooks: new Set<string>(), dialects: new Set<string>(), providers: new Set<string>() }
  const endpoints: Manifest['endpoints'] = []
  const inverses: (() => void | Promise<void>)[] = []
  const stop = new AbortController()
  const ignore = (): void => {}
  const context: PluginContext = {
    name: plugin.name,
    entryId: plugin.name,
    profile: 'default',
    options: defaults(plugin, plugin.options),
    config: defaults(plugin, plugin.config),
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    signal: stop.signal,
    // A description is made without them, wherever it is made.
    files: unavailable as never,
    http: unavailable as never,
    secrets: { get: () => undefined },
    on: (hook) => void notes.hooks.add(hook),
    effect: (inverse) => void inverses.push(inverse),
    whileLive: ignore,
    state: (_key, _version, init) => init(),
    provide: ignore,
    get: () => unavailable as never,
    exchange: () => Promise.reject(new Error('there are no exchanges while a plugin is described')),
    exchangeStream: () => unavailable as never,
    credential: () => undefined,
    endpoint: ({ method, path }) => void endpoints.push({ method, path }),
    dialect: ({ name }) => void notes.dialects.add(name),
    // The point's name stands for the type.
    contribute: (point, value) => void (point === 'providers' && notes.providers.add((value as LocalProvider).name)),
  }
  try {
    await within(ACTIVATE_MS, () => plugin.activate(context))
  } catch (thrown) {
    throw unusable(plugin, `cannot be activated with default options: ${messageOf(thrown)}`, thrown)
  } finally {
    stop.abort()
    for (const inverse of inverses.reverse()) await within(DISPOSE_MS, inverse)
  }
  return {
    name: plugin.name,
    version,
    apiVersion: plugin.apiVersion,
    description: plugin.description,
    transformers: plain(plugin.transformers) as Manifest['transformers'],
    scope: plugin.scope,
    provides: [...plugin.provides],
    requires: [...plugin.requires],
    ...(plugin.adapt && { adapts: true }),
    capabilities: [...plugin.capabilities].sort(),
    hooks: [...notes.hooks].sort(),
    endpoints,
    dialects: [...notes.dialects].sort(),
    providers: [...notes.providers].sort(),
    optionsSchema: plain(plugin.options) as Manifest['optionsSchema'],
    sections: plain(plugin.config.properties) as Manifest['sections'],
  }
}

/** Stands for a service, which may be called and looked into but does nothing. */
const unavailable: unknown = new Proxy(() => undefined, {
  get: (_, name) => (name === Symbol.iterator ? [][Symbol.iterator] : unavailable),
  apply: () => unavailable,
})

function defaults(plugin: Plugin, schema: TSchema): unknown {
  try {
    return Value.Create(schema)
  } catch (thrown) {
    throw unusable(plugin, `has an option or section without a default: ${messageOf(thrown)}`, thrown)
  }
}

/** Without what typebox keeps for itself. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function unusable(plugin: Plugin, fact: string, cause: unknown): CcrError {
  return new CcrError('CCR_PLUGIN_ACTIVATE', `the plugin ${plugin.name} ${fact}. Its manifest needs both.`, {
    plugin: plugin.name,
    cause,
  })
}
