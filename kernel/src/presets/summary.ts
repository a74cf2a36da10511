import { configKeysOf } from '../config/presets/manifest.ts'
import { withoutControls } from '../config/presets/shown-text.ts'
import type { PresetManifest } from '../config/presets/schema.ts'

/** What a person should know of a preset before it is used. */
export interface PresetSummary {
  readonly name: string
  readonly version: string
  readonly description: string | undefined
  readonly author: string | undefined
  /** Where requests, and the keys for them, would go; with placeholders where answers decide. */
  readonly providers: readonly { readonly name: string; readonly url: string; readonly models: readonly string[] }[]
  /** What else is like a URL, wherever it stands: conversations and keys may go there too. */
  readonly addresses: readonly string[]
  /** The keys of `Router` and where they lead. */
  readonly routes: Readonly<Record<string, string>>
  /** Further config sections. */
  readonly sections: readonly string[]
  readonly plugins: readonly { readonly name: string; readonly version: string; readonly integrity: string }[]
  readonly inputs: readonly {
    readonly id: string
    readonly type: string
    readonly label: string | undefined
    readonly required: boolean
  }[]
}

/** Describes a preset by its manifest alone. */
export function summarize(manifest: PresetManifest): PresetSummary {
  const { name, version, description, author, template, configMappings, plugins = [], schema = [] } = manifest
  const places = [manifest, template ?? {}] as readonly Readonly<Record<string, unknown>>[]
  const keys = [...configKeysOf(manifest), ...Object.keys(template ?? {})]
  const providers = distinct(places.flatMap(({ Providers }) => providersIn(Providers)))
  const offered = schema.map(({ defaultValue, options }) => [defaultValue, options])
  const config = [...configKeysOf(manifest).map((key) => manifest[key]), template, configMappings, offered]
  const addresses = distinct(config.flatMap(addressesIn))
  return {
    name,
    version,
    description,
    author,
    providers,
    addresses: addresses.filter((address) => !providers.some(({ url }) => url === address)),
    routes: Object.fromEntries(places.flatMap(({ Router }) => routesIn(Router))),
    sections: [...new Set(keys)].filter((key) => key !== 'Providers' && key !== 'Router'),
    plugins,
    inputs: schema.map(({ id, type = 'input', label, required = true }) => ({ id, type, label, required })),
  }
}

/** The summary as lines of text. */
export function describe(summary: PresetSummary): readonly string[] {
  const { name, version, description, author, providers, addresses, routes, sections, plugins, inputs } = summary
  const by = author === undefined ? '' : ` by ${author}`
  return [
    `${name} ${version}${by}${description === undefined ? '' : `: ${description}`}`,
    ...providers.map(
      ({ name: provider, url, models }) => `  provider ${provider} at ${url} (${models.join(', ') || 'no models'})`,
    ),
    ...addresses.map((address) => `  names the address ${address}`),
    ...Object.entries(routes).map(([scenario, target]) => `  route ${scenario} to ${target}`),
    ...sections.map((section) => `  sets ${section}`),
    ...plugins.map((plugin) => `  needs the plugin ${plugin.name} ${plugin.version}`),
    ...inputs.map(
      ({ id, type, label, required }) =>
        `  asks for ${id} (${type}${required ? '' : ', optional'})${label === undefined ? '' : `: ${label}`}`,
    ),
  ].map(withoutControls)
}

function providersIn(value: unknown): PresetSummary['providers'] {
  const items: readonly unknown[] = Array.isArray(value) ? value : []
  return items.map((item) => {
    const { name, api_base_url: url, models } = Object(item) as Readonly<Record<string, unknown>>
    return { name: String(name), url: String(url), models: Array.isArray(models) ? models.map(String) : [] }
  })
}

function addressesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return /:\/\/|^\s*(?:https?|wss?):/i.test(value) ? [value] : []
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(addressesIn) : []
}

function routesIn(value: unknown): readonly (readonly [string, string])[] {
  const entries = Object.entries(Object(value) as Readonly<Record<string, unknown>>)
  return entries.flatMap(([key, target]) => (typeof target === 'string' ? [[key, target] as const] : []))
}

function distinct<T>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()]
}
