import { dirname } from 'node:path'
import { asDeclared } from '@ccr/sdk'
import { Type, type TSchema } from '@ccr/sdk/typebox'
import { filePath, type EntryConfig, type EntryFailure } from '../load/entries.ts'
import { suggestion } from '../load/nearest.ts'
import { unsetVariable } from './check.ts'
import { withDefaults } from './defaults.ts'
import { findFault } from './fault.ts'
import type { InstalledPlugin } from './installed.ts'
import { joinPointer } from './pointer.ts'
import type { LoadedConfig } from './loaded.ts'
import { isPlainObject } from './plain-data.ts'
import { ModelChain, type ProviderConfig } from './schema.ts'

/** What the names in `transformer.use` stand for. */
export interface TransformerNames {
  /** By their lower-case form. */
  readonly known: ReadonlyMap<string, NamedTransformer>
  /** Files that may declare others, as the config names them, and why they could not be loaded. */
  readonly unread: readonly EntryFailure[]
}

interface NamedTransformer {
  readonly plugin: InstalledPlugin
  /** The dialect that the name chooses. */
  readonly dialect: string | undefined
  /** It stands for an entry of the plugin. */
  readonly isEntry: boolean
  /** Schema of what may stand beside the name. */
  readonly options: TSchema
}

/** What is wrong with `transformer`. */
export interface ChainFault {
  readonly reason: string
  /** Pointer below the provider. */
  readonly field: string
}

/** What one list of `transformer` says. */
export interface ChainLink {
  /** The dialect that it chooses, what stands beside its name, and where. */
  readonly choice: Choice | undefined
  /** The entries it stands for, in its order. */
  readonly entries: readonly EntryConfig[]
}

/** The dialect that a list chooses. */
interface Choice {
  readonly name: string
  readonly dialect: string
  /** Nothing where only names choose it that stand for entries, whose options are their own. */
  readonly options: Options | undefined
  /** Pointer below the provider. */
  readonly field: string
}

/** What `transformer` of one provider says. */
export interface Chains extends ChainLink {
  /** What it says of single models, by their names as they are first written, or what is wrong with that. */
  readonly models: ReadonlyMap<string, ChainLink | ChainFault>
}

type Options = Readonly<Record<string, unknown>>

/** Nothing may stand beside the name of most dialects. */
const NO_OPTIONS = Type.Object({}, { additionalProperties: false })

/**
 * The names of all installed plugins; the plugin that comes last wins.
 *
 * @param inUse those that run beside what the names stand for
 * @param unread files of transformers that could not be loaded
 */
export function transformerNames(
  installed: readonly InstalledPlugin[],
  inUse: readonly InstalledPlugin[],
  unread: readonly EntryFailure[] = [],
): TransformerNames {
  const names = new Map<string, NamedTransformer>()
  for (const plugin of installed) {
    for (const { name, aliases = [], dialect, options = NO_OPTIONS } of plugin.transformers) {
      const isEntry = dialect === undefined || !registers(plugin, dialect, inUse)
      const named = { plugin, dialect, isEntry, options: isEntry ? plugin.options : options }
      for (const one of [name, ...aliases]) names.set(one.toLowerCase(), named)
    }
  }
  return { known: names, unread }
}

/** Whether a plugin speaks a dialect itself. One of which only running it would tell does, unless another one does. */
function registers({ name, dialects }: InstalledPlugin, dialect: string, inUse: readonly InstalledPlugin[]): boolean {
  if (dialects !== undefined) return dialects.includes(dialect)
  return !inUse.some((other) => other.name !== name && other.dialects?.includes(dialect))
}

/** Reads `transformer` of a provider, which stands at `pointer`; what is wrong with a model's list is its own. */
export function readChains(
  config: ProviderConfig,
  names: TransformerNames,
  loaded: LoadedConfig,
  pointer: string,
): Chains | ChainFault {
  const { use, ...others } = config.transformer ?? {}
  const reader = new ChainReader(config.name, names, loaded, pointer)
  const own = reader.read(use, '/transformer/use')
  if ('reason' in own) return own
  const models = new Map<string, ChainLink | ChainFault>()
  const spellings = new Map<string, string>()
  for (const [model, chain] of Object.entries(others)) {
    if (!isPlainObject(chain)) continue
    const key = spellings.get(model.toLowerCase()) ?? model
    spellings.set(model.toLowerCase(), key)
    models.set(key, joined(models.get(key), reader.readModel(chain, joinPointer('/transformer', model), model)))
  }
  // Where a model chooses for itself, what chose for its provider has no part.
  const choosing = new Set([...models].flatMap(([model, one]) => (isChoosing(one) ? model.toLowerCase() : [])))
  const entries = own.entries.map((entry) => (reader.chose(entry) ? without(entry, choosing) : entry))
  return { choice: own.choice, entries, models }
}

/** What is said of a model under two spellings of its name. */
function joined(one: ChainLink | ChainFault | undefined, other: ChainLink | ChainFault): ChainLink | ChainFault {
  if (one === undefined || 'reason' in other) return other
  if ('reason' in one) return one
  const fault = one.choice && other.choice && contradiction(one.choice, other.choice, other.choice.field.slice(1))
  return fault ?? { choice: other.choice ?? one.choice, entries: [...one.entries, ...other.entries] }
}

function isChoosing(link: ChainLink | ChainFault): boolean {
  return 'choice' in link && link.choice !== undefined
}

function without(entry: EntryConfig, models: ReadonlySet<string>): EntryConfig {
  const { target } = entry.when ?? {}
  if (models.size === 0) return entry
  return { ...entry, when: { target: (one) => target?.(one) !== false && !models.has(one.model.toLowerCase()) } }
}

/** What is wrong with a second choice: only what stands for an entry may say again what was said. */
function contradiction(first: Choice, second: Choice, where: string): ChainFault | undefined {
  const repeats = first.dialect === second.dialect
  if (repeats && (first.options === undefined || second.options === undefined)) return undefined
  const reason = `${where} names two dialects, ${first.name} and ${second.name}. Remove one of them.`
  return { field: second.field, reason }
}

type Chain = NonNullable<NonNullable<ProviderConfig['transformer']>['use']>

class ChainReader {
  readonly #provider: string
  readonly #names: TransformerNames
  readonly #loaded: LoadedConfig
  readonly #pointer: string
  /** How often an entry was made, by its id without a number. */
  readonly #made = new Map<string, number>()
  /** Ids of entries whose name chose a dialect too. */
  readonly #chose = new Set<string>()

  constructor(provider: string, names: TransformerNames, loaded: LoadedConfig, pointer: string) {
    this.#provider = provider
    this.#names = names
    this.#loaded = loaded
    this.#pointer = pointer
  }

  /** Whether the name that an entry stands for has chosen a dialect. */
  chose({ id }: EntryConfig): boolean {
    return this.#chose.has(id)
  }

  /** What stands under the name of a model. */
  readModel(chain: object, field: string, model: string): ChainLink | ChainFault {
    const unset = unsetVariable(this.#loaded, this.#pointer + field)
    if (unset !== undefined) return { field: unset.pointer.slice(this.#pointer.length), reason: unset.reason }
    const fault = findFault(ModelChain, chain, field)
    if (fault !== undefined)
      return { field: fault.pointer, reason: `${fault.pointer.slice(1)} ${fault.fact}. Correct the value.` }
    // The schema was checked above.
    return this.read((chain as ModelChain).use, `${field}/use`, model)
  }

  /** What a list says, or what is wrong with it. */
  read(chain: Chain = [], field: string, model?: string): ChainLink | ChainFault {
    let choice: Choice | undefined
    const entries: EntryConfig[] = []
    const where = field.slice(1)
    for (const [index, item] of chain.entries()) {
      const place = `${field}/${index}`
      const [name, said = {}] = typeof item === 'string' ? [item] : item
      if (typeof name !== 'string') return { field: place, reason: `${place.slice(1)} must begin with a name.` }
      const named = this.#names.known.get(name.toLowerCase())
      const file = filePath(name, dirname(this.#loaded.fileOf(this.#pointer)))
      if (named === undefined && file === undefined) return this.#unknown(name, where, place)
      const { plugin, dialect, isEntry = true, options: schema = {} } = named ?? {}
      const options = asDeclared(schema, isPlainObject(said) ? { ...plugin?.common, ...said } : said) as Options
      // Defaults are filled in when the plugin is activated.
      const fault = findFault(schema, withDefaults(schema, options), `${place}/1`)
      if (fault !== undefined) {
        const reason = `${fault.pointer.slice(1)} ${fault.fact}; ${name} reads it. Correct it.`
        return { field: fault.pointer, reason }
      }
      if (isEntry) entries.push(this.#entry(plugin?.use ?? name, file ?? plugin?.file, options, place, model))
      if (dialect === undefined) continue
      if (isEntry) this.#chose.add(entries.at(-1)!.id)
      const chosen = { name, dialect, options: isEntry ? undefined : options, field: place }
      const second = choice && contradiction(choice, chosen, where)
      if (second !== undefined) return second
      choice = { ...chosen, options: chosen.options ?? choice?.options }
    }
    return { choice, entries }
  }

  #unknown(name: string, where: string, place: string): ChainFault {
    const { known, unread } = this.#names
    const near = suggestion(name, known.keys())
    const list = [...known.keys()].sort().join(', ')
    const fact = `${where} names ${name}, which no installed plugin declares`
    const remedy = 'Correct or remove it, or add a plugin that declares it; a file is named as file:./path.ts.'
    if (unread.length === 0) return { field: place, reason: `${fact}.${near} Known: ${list}. ${remedy}` }
    // Most likely it is theirs.
    const faults = unread.map(({ use, error }) => `${use}, which may declare it, could not be loaded: ${error.message}`)
    return { field: place, reason: `${fact}. ${faults.join(' ')}` }
  }

  #entry(use: string, file: string | undefined, options: Options, place: string, model?: string): EntryConfig {
    const provider = this.#provider
    const scope = model === undefined ? provider : `${provider},${model}`
    const base = `${use}@${scope}`
    const made = (this.#made.get(base) ?? 0) + 1
    this.#made.set(base, made)
    return {
      id: made === 1 ? base : `${base}#${made}`,
      use,
      file,
      // Its schema says what else they may be; the options of a file are checked once its code is there.
      options,
      enabled: true,
      provider,
      optionsAt: (inner) => this.#loaded.at(`${this.#pointer}${place}/1${inner}`),
      at: this.#loaded.at(this.#pointer + place),
      when: {
        target: (target) =>
          target.provider === provider && (model === undefined || target.model.toLowerCase() === model.toLowerCase()),
      },
    }
  }
}
