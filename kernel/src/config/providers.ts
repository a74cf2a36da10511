import { Secret } from '@ccr/sdk'
import type { ProviderBlueprint } from '../core/blueprint.ts'
import { suggestion } from '../load/nearest.ts'
import { findFault, missingVariables } from './check.ts'
import type { InstalledPlugin } from './installed.ts'
import { isPlainObject } from './plain-data.ts'
import { isWithin, joinPointer } from './pointer.ts'
import type { LoadedConfig } from './read.ts'
import { ProviderConfig } from './schema.ts'

/** A provider that was left out because something is wrong with it. */
export interface DisabledProvider {
  readonly name: string
  /** What is wrong and what to do, without secrets. */
  readonly reason: string
  /** `file:line:column`. */
  readonly at: string
}

/** What became of the configured providers. */
export interface ResolvedProviders {
  readonly providers: readonly ProviderBlueprint[]
  readonly disabled: readonly DisabledProvider[]
}

/** The key that stands for the client's own credentials. */
const CLIENT_CREDENTIALS = 'passthrough'

/**
 * The providers of a config. A faulty one is left out alone; one that is switched off is left out in silence.
 *
 * @param defaultDialect dialect of a provider that names none
 */
export function resolveProviders(
  loaded: LoadedConfig,
  installed: readonly InstalledPlugin[],
  defaultDialect: string,
): ResolvedProviders {
  const names = createDialectNames(installed)
  const providers: ProviderBlueprint[] = []
  const disabled: DisabledProvider[] = []
  const places = new Map<string, string>()
  for (const { pointer, item } of providerItems(loaded)) {
    if (isPlainObject(item) && item['enabled'] === false) continue
    const fault = faultOf(loaded, pointer, item) ?? repeatedName(item as ProviderConfig, places, pointer)
    if (fault !== undefined) {
      disabled.push({ name: nameOf(item, pointer), reason: fault.reason, at: loaded.at(fault.pointer) })
      continue
    }
    // The schema was checked above.
    const config = item as ProviderConfig
    places.set(config.name, loaded.at(pointer))
    const dialect = dialectOf(config, names, defaultDialect)
    if ('reason' in dialect) {
      disabled.push({ name: config.name, reason: dialect.reason, at: loaded.at(pointer + dialect.field) })
      continue
    }
    providers.push({
      name: config.name,
      baseUrl: config.api_base_url,
      models: config.models ?? [],
      dialect: dialect.name,
      ...credentialsOf(config),
    })
  }
  return { providers, disabled }
}

/** The items of `Providers`, under whichever of its names, with their JSON pointers. */
export function providerItems({
  value,
}: LoadedConfig): readonly { readonly pointer: string; readonly item: unknown }[] {
  const key = Object.hasOwn(value, 'providers') ? 'providers' : 'Providers'
  const items = (value[key] ?? []) as readonly unknown[]
  return items.map((item, index) => ({ pointer: joinPointer(joinPointer('', key), index), item }))
}

function credentialsOf({ api_key: key }: ProviderConfig): Pick<ProviderBlueprint, 'secret' | 'clientCredentials'> {
  if (key === CLIENT_CREDENTIALS) return { secret: undefined, clientCredentials: true }
  return { secret: key === undefined || key === '' ? undefined : new Secret(key) }
}

interface ProviderFault {
  readonly pointer: string
  readonly reason: string
}

function faultOf(loaded: LoadedConfig, pointer: string, item: unknown): ProviderFault | undefined {
  const missing = missingVariables(loaded, pointer)
  if (missing.length > 0) {
    const [name] = missing
    const use = loaded.variables.find((one) => one.name === name && isWithin(one.pointer, pointer))
    const reason = `the environment variable ${name} is not set. Set it and restart; a literal dollar is written $$.`
    return { pointer: use?.pointer ?? pointer, reason }
  }
  const fault = findFault(ProviderConfig, item, pointer)
  if (fault !== undefined)
    return { pointer: fault.pointer, reason: `${fault.pointer} ${fault.fact}. Correct the value.` }
  const config = item as ProviderConfig
  if (!URL.canParse(config.api_base_url)) {
    return { pointer: `${pointer}/api_base_url`, reason: `${pointer}/api_base_url is not a URL. Correct the value.` }
  }
  return undefined
}

function repeatedName(
  { name }: ProviderConfig,
  places: ReadonlyMap<string, string>,
  pointer: string,
): ProviderFault | undefined {
  const other = places.get(name)
  if (other === undefined) return undefined
  return { pointer, reason: `its name is that of the provider at ${other}. Rename one of them.` }
}

function nameOf(item: unknown, pointer: string): string {
  const name = isPlainObject(item) ? item['name'] : undefined
  return typeof name === 'string' && name !== '' ? name : pointer
}

interface DialectNames {
  /** What a name or alias in `transformer.use` chooses, by its lower-case form; nothing where it is no dialect. */
  readonly transformers: ReadonlyMap<string, string | undefined>
  /** Nothing when only running the plugins would tell. */
  readonly dialects: ReadonlySet<string> | undefined
}

function createDialectNames(installed: readonly InstalledPlugin[]): DialectNames {
  const transformers = new Map<string, string | undefined>()
  const dialects = new Set<string>()
  let complete = true
  for (const plugin of installed) {
    for (const { name, aliases = [], dialect } of plugin.transformers) {
      for (const one of [name, ...aliases]) transformers.set(one.toLowerCase(), dialect)
      if (dialect !== undefined) dialects.add(dialect)
    }
    if (plugin.dialects === undefined) complete = false
    else for (const name of plugin.dialects) dialects.add(name)
  }
  return { transformers, dialects: complete ? dialects : undefined }
}

type Choice =
  { readonly name: string } | { readonly reason: string; /** Pointer below the provider. */ readonly field: string }

function dialectOf(config: ProviderConfig, names: DialectNames, defaultDialect: string): Choice {
  const { use, ...models } = config.transformer ?? {}
  const named = chosenBy(use, '/transformer/use', names)
  if (named !== undefined && 'reason' in named) return named
  const { dialect } = config
  if (dialect !== undefined && names.dialects !== undefined && !names.dialects.has(dialect)) {
    const list = [...names.dialects].sort().join(', ')
    const near = suggestion(dialect, names.dialects)
    return { field: '/dialect', reason: `no plugin provides the dialect ${dialect}.${near} Known: ${list}.` }
  }
  if (dialect !== undefined && named !== undefined && named.name !== dialect) {
    const reason = `dialect says ${dialect} and transformer.use says ${named.name}. Remove one of them.`
    return { field: '/dialect', reason }
  }
  const name = dialect ?? named?.name ?? defaultDialect
  for (const [model, chain] of Object.entries(models)) {
    const field = joinPointer('/transformer', model)
    const own = chosenBy((chain as { readonly use?: Chain }).use, `${field}/use`, names)
    if (own === undefined) continue
    if ('reason' in own) return own
    if (own.name !== name) {
      const fact = `the model ${model} has another dialect (${own.name}) than its provider (${name})`
      const reason = `${fact}, which this version does not support. Make it a provider of its own.`
      return { field, reason }
    }
  }
  return { name }
}

type Chain = NonNullable<NonNullable<ProviderConfig['transformer']>['use']>

/** The dialect that a list of transformer names chooses; nothing when it is absent or empty. */
function chosenBy(chain: Chain | undefined, field: string, { transformers }: DialectNames): Choice | undefined {
  let chosen: { readonly name: string; readonly dialect: string } | undefined
  for (const [index, item] of (chain ?? []).entries()) {
    const place = `${field}/${index}`
    const where = field.slice(1)
    const [name, options] = typeof item === 'string' ? [item] : item
    if (typeof name !== 'string') return { field: place, reason: `${place.slice(1)} must begin with a name.` }
    if (!transformers.has(name.toLowerCase())) {
      const near = suggestion(name, transformers.keys())
      const list = [...transformers.keys()].sort().join(', ')
      const fact = `${where} names ${name}, which no installed plugin declares`
      return { field: place, reason: `${fact}.${near} Known: ${list}.` }
    }
    const dialect = transformers.get(name.toLowerCase())
    if (dialect === undefined) {
      const reason = `${where} names ${name}, which is not a dialect; this version supports no other kind here.`
      return { field: place, reason }
    }
    if (options !== undefined) return { field: place, reason: `${name} takes no options in ${where}. Remove them.` }
    if (chosen !== undefined) {
      return { field: place, reason: `${where} names two dialects, ${chosen.name} and ${name}. Remove one of them.` }
    }
    chosen = { name, dialect }
  }
  return chosen === undefined ? undefined : { name: chosen.dialect }
}
