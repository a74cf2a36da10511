import { Secret } from '@ccr/sdk'
import { writtenKey } from './aliases.ts'
import type { ModelBlueprint, ProviderBlueprint } from '../core/blueprint.ts'
import type { EntryConfig, EntryFailure } from '../load/entries.ts'
import { suggestion } from '../load/nearest.ts'
import { unsetVariable } from './check.ts'
import { findFault } from './fault.ts'
import type { InstalledPlugin } from './installed.ts'
import { isPlainObject } from './plain-data.ts'
import { joinPointer, splitPointer } from './pointer.ts'
import type { LoadedConfig } from './loaded.ts'
import { saysNothing } from './remarks.ts'
import { ProviderConfig } from './schema.ts'
import { readChains, transformerNames } from './transformers.ts'
import type { ChainFault, ChainLink, Chains, TransformerNames } from './transformers.ts'

/** A provider, or one of its models, that was left out because something is wrong with it. */
export interface DisabledProvider {
  readonly name: string
  /** The model that is left out, and no other; nothing where the provider is. */
  readonly model?: string | undefined
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

/** An entry that takes part for one provider, or one model of it, alone. */
export interface ChainedEntry {
  readonly provider: string
  readonly model?: string | undefined
  readonly entry: EntryConfig
}

/** The key that stands for the client's own credentials. */
export const CLIENT_CREDENTIALS = 'passthrough'

/**
 * The providers of a config. A faulty one is left out alone, and so is a model whose own transformers are; one that is
 * switched off is left out in silence.
 *
 * @param inUse the plugins that run beside what the transformers stand for
 * @param defaultDialect dialect of a provider that names none
 * @param unread files of transformers that could not be loaded
 */
export function resolveProviders(
  loaded: LoadedConfig,
  installed: readonly InstalledPlugin[],
  inUse: readonly InstalledPlugin[],
  defaultDialect: string,
  unread: readonly EntryFailure[] = [],
): ResolvedProviders {
  const known = knownOf(installed, inUse, unread)
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
    const { name } = config
    places.set(name, loaded.at(pointer))
    const chains = readChains(config, known.names, loaded, pointer)
    const dialect = 'reason' in chains ? chains : dialectOf(config, chains, known, defaultDialect)
    if ('reason' in chains || typeof dialect !== 'string') {
      const { reason, field } = dialect as ChainFault
      disabled.push({ name, reason, at: loaded.at(pointer + field) })
      continue
    }
    chained.push(...chains.entries.map((entry) => ({ provider: name, entry })))
    const ofModels = new Map<string, ModelBlueprint | undefined>()
    for (const [model, link] of chains.models) {
      const own = 'reason' in link ? link : modelOf(config, dialect, chains, link)
      if ('reason' in own) disabled.push({ name, model, reason: own.reason, at: loaded.at(pointer + own.field) })
      else chained.push(...own.entries.map((entry) => ({ provider: name, model, entry })))
      ofModels.set(model, 'reason' in own ? undefined : own.has)
    }
    providers.push({
      name,
      baseUrl: config.api_base_url,
      models: listedModels(config.models),
      dialect,
      ...(chains.choice?.options && { dialectOptions: chains.choice.options }),
      ...needsOf(chains),
      ...(ofModels.size > 0 && { ofModels }),
      ...credentialsOf(config),
    })
  }
  return { providers, disabled, chained }
}

function needsOf({ entries }: ChainLink): Pick<ProviderBlueprint, 'needs'> {
  return entries.length > 0 ? { needs: entries.map(({ id }) => id) } : {}
}

/** What a model has in the place of what its provider has, with its entries, or why it cannot have it. */
function modelOf(
  { api_base_url: url }: ProviderConfig,
  dialectOfProvider: string,
  { choice: around }: ChainLink,
  link: ChainLink,
): { readonly has: ModelBlueprint; readonly entries: ChainLink['entries'] } | ChainFault {
  const { choice, entries } = link
  const needs = needsOf(link)
  if (choice === undefined) return { has: needs, entries }
  const { dialect, options, field } = choice
  if (dialect === dialectOfProvider) {
    const dialectOptions = around?.options && { ...around.options, ...options }
    return { has: { ...needs, dialectOptions: dialectOptions ?? options }, entries }
  }
  if (url.endsWith('#') && options !== undefined) {
    const fact = `chooses ${dialect}, but api_base_url ends in #: it is an endpoint of ${dialectOfProvider} alone`
    return { field, reason: `${field.slice(1)} ${fact}. Make the model one of a provider of its own.` }
  }
  return { has: { ...needs, dialect, dialectOptions: options }, entries }
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
  const unset = unsetVariable(loaded, pointer, (inner) => !isOfModel(item, splitPointer(inner.slice(pointer.length))))
  if (unset !== undefined) return unset
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

/** Whether a value of a provider stands in `transformer` under the name of a model, whose business it is. */
function isOfModel(item: unknown, [field, model = 'use']: readonly string[]): boolean {
  const transformer = isPlainObject(item) ? item['transformer'] : undefined
  return field === 'transformer' && model !== 'use' && isPlainObject(transformer) && isPlainObject(transformer[model])
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

function knownOf(
  installed: readonly InstalledPlugin[],
  inUse: readonly InstalledPlugin[],
  unread: readonly EntryFailure[],
): Known {
  const dialects = installed.flatMap((plugin) => [
    ...(plugin.dialects ?? []),
    ...plugin.transformers.flatMap(({ dialect }) => dialect ?? []),
  ])
  const complete = installed.every((plugin) => plugin.dialects !== undefined)
  const names = transformerNames(installed, inUse, unread)
  return { names, dialects: complete ? new Set(dialects) : undefined }
}

/** The dialect of a provider, from its own field, its transformers or the default. */
function dialectOf(
  { dialect }: ProviderConfig,
  { choice }: Chains,
  { dialects }: Known,
  defaultDialect: string,
): string | ChainFault {
  if (dialect !== undefined && dialects !== undefined && !dialects.has(dialect)) {
    const list = [...dialects].sort().join(', ')
    const near = suggestion(dialect, dialects)
    return { field: '/dialect', reason: `no plugin provides the dialect ${dialect}.${near} Known: ${list}.` }
  }
  if (dialect !== undefined && choice !== undefined && choice.dialect !== dialect) {
    const reason = `dialect says ${dialect} and transformer.use says ${choice.dialect}. Remove one of them.`
    return { field: '/dialect', reason }
  }
  return dialect ?? choice?.dialect ?? defaultDialect
}
