import { Secret } from '@ccr/sdk'
import { writtenKey } from './aliases.ts'
import type { ProviderBlueprint } from '../core/blueprint.ts'
import type { EntryConfig } from '../load/entries.ts'
import { suggestion } from '../load/nearest.ts'
import { missingVariables } from './check.ts'
import { findFault } from './fault.ts'
import type { InstalledPlugin } from './installed.ts'
import { isPlainObject } from './plain-data.ts'
import { isWithin, joinPointer } from './pointer.ts'
import type { LoadedConfig } from './loaded.ts'
import { saysNothing } from './remarks.ts'
import { ProviderConfig } from './schema.ts'
import { readChains, transformerNames, type ChainFault, type Chains, type TransformerNames } from './transformers.ts'

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
  /** The entries that their `transformer` stands for, in the order of the providers. */
  readonly chained: readonly ChainedEntry[]
}

/** An entry that takes part for one provider alone. */
export interface ChainedEntry {
  readonly provider: string
  readonly entry: EntryConfig
}

/** The key that stands for the client's own credentials. */
export const CLIENT_CREDENTIALS = 'passthrough'

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
  const known = knownOf(installed)
  const chained: ChainedEntry[] = []
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
    const chains = readChains(config, known.names, loaded, pointer)
    const dialect = 'reason' in chains ? chains : dialectOf(config, chains, known, defaultDialect)
    if ('reason' in chains || typeof dialect !== 'string') {
      const { reason, field } = dialect as ChainFault
      disabled.push({ name: config.name, reason, at: loaded.at(pointer + field) })
      continue
    }
    chained.push(...chains.entries.map((entry) => ({ provider: config.name, entry })))
    providers.push({
      name: config.name,
      baseUrl: config.api_base_url,
      models: listedModels(config.models),
      dialect,
      ...(chains.dialectOptions && { dialectOptions: chains.dialectOptions }),
      ...(chains.entries.length > 0 && { needs: chains.entries.map(({ id }) => id) }),
      ...credentialsOf(config),
    })
  }
  return { providers, disabled, chained }
}

/** The items of `Providers`, under whichever of its names, tidied, with their JSON pointers. */
export function providerItems({
  value,
}: LoadedConfig): readonly { readonly pointer: string; readonly item: unknown }[] {
  const key = writtenKey(value, 'Providers')
  const items = (value[key] ?? []) as readonly unknown[]
  return items.map((item, index) => ({ pointer: joinPointer(joinPointer('', key), index), item: tidied(item) }))
}

/** What is pasted, or read into a variable from a file, may have space around it. */
const TRIMMED = ['name', 'api_base_url', 'api_key']
/** Absent where an editor left them empty. */
const OPTIONAL = ['models', 'model_limits', 'dialect', 'transformer']

function tidied(item: unknown): unknown {
  if (!isPlainObject(item)) return item
  const fields = Object.entries(item).flatMap(([field, value]): [string, unknown][] => {
    if (TRIMMED.includes(field) && typeof value === 'string') return [[field, value.trim()]]
    if (OPTIONAL.includes(field) && saysNothing(value)) return []
    return [[field, value]]
  })
  return Object.fromEntries(fields)
}

/** The models that `models` of a provider names; blank names, as editors leave them, count as absent. */
export function listedModels(models: unknown): readonly string[] {
  const names: readonly unknown[] = Array.isArray(models) ? models : []
  return names.filter((model): model is string => typeof model === 'string' && model.trim() !== '')
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
  const place = `${pointer}/api_base_url`
  const { api_base_url: text } = item as ProviderConfig
  if (!URL.canParse(text)) return { pointer: place, reason: `${place} is not a URL. Correct the value.` }
  const { username, password } = new URL(text)
  if (username === '' && password === '') return undefined
  const fact = 'holds a user name or a password, which no request would send'
  return { pointer: place, reason: `${place} ${fact}. Remove it; a key belongs into api_key.` }
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

interface Known {
  readonly names: TransformerNames
  /** Nothing when only running the plugins would tell. */
  readonly dialects: ReadonlySet<string> | undefined
}

function knownOf(installed: readonly InstalledPlugin[]): Known {
  const dialects = installed.flatMap((plugin) => [
    ...(plugin.dialects ?? []),
    ...plugin.transformers.flatMap(({ dialect }) => dialect ?? []),
  ])
  const complete = installed.every((plugin) => plugin.dialects !== undefined)
  return { names: transformerNames(installed), dialects: complete ? new Set(dialects) : undefined }
}

/** The dialect of a provider, from its own field, its transformers or the default. */
function dialectOf(
  { dialect }: ProviderConfig,
  chains: Chains,
  { dialects }: Known,
  defaultDialect: string,
): string | ChainFault {
  if (dialect !== undefined && dialects !== undefined && !dialects.has(dialect)) {
    const list = [...dialects].sort().join(', ')
    const near = suggestion(dialect, dialects)
    return { field: '/dialect', reason: `no plugin provides the dialect ${dialect}.${near} Known: ${list}.` }
  }
  if (dialect !== undefined && chains.dialect !== undefined && chains.dialect !== dialect) {
    const reason = `dialect says ${dialect} and transformer.use says ${chains.dialect}. Remove one of them.`
    return { field: '/dialect', reason }
  }
  const name = dialect ?? chains.dialect ?? defaultDialect
  const other = chains.modelDialects.find((one) => one.dialect !== name)
  if (other === undefined) return name
  const fact = `the model ${other.model} has another dialect (${other.dialect}) than its provider (${name})`
  const reason = `${fact}, which this version does not support. Make it a provider of its own.`
  return { field: other.field, reason }
}
