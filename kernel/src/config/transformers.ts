import { dirname } from 'node:path'
import { asDeclared } from '@ccr/sdk'
import { Type, Value, type TSchema } from '@ccr/sdk/typebox'
import { filePath, type EntryConfig } from '../load/entries.ts'
import { suggestion } from '../load/nearest.ts'
import { findFault } from './fault.ts'
import type { InstalledPlugin } from './installed.ts'
import { joinPointer } from './pointer.ts'
import type { LoadedConfig } from './loaded.ts'
import { isPlainObject } from './plain-data.ts'
import { ModelChain, type ProviderConfig } from './schema.ts'

/** What the names in `transformer.use` stand for, by their lower-case form. */
export type TransformerNames = ReadonlyMap<string, NamedTransformer>

interface NamedTransformer {
  readonly plugin: InstalledPlugin
  /** The dialect that the name chooses; nothing when it stands for an entry. */
  readonly dialect: string | undefined
  /** Schema of what may stand beside the name. */
  readonly options: TSchema
}

/** What is wrong with `transformer`. */
export interface ChainFault {
  readonly reason: string
  /** Pointer below the provider. */
  readonly field: string
}

/** What `transformer` of one provider says. */
export interface Chains {
  /** The dialect it chooses, and what stands beside its name. */
  readonly dialect: string | undefined
  readonly dialectOptions: Options | undefined
  /** Dialects that it chooses for single models, with the pointer below the provider. */
  readonly modelDialects: readonly { readonly model: string; readonly dialect: string; readonly field: string }[]
  /** The entries it stands for: those of the provider, then those of its models. */
  readonly entries: readonly EntryConfig[]
}

type Options = Readonly<Record<string, unknown>>

/** Nothing may stand beside the name of most dialects. */
const NO_OPTIONS = Type.Object({}, { additionalProperties: false })

/** The names of all installed plugins; the plugin that comes last wins. */
export function transformerNames(installed: readonly InstalledPlugin[]): TransformerNames {
  const names = new Map<string, NamedTransformer>()
  for (const plugin of installed) {
    for (const { name, aliases = [], dialect, options = NO_OPTIONS } of plugin.transformers)
      for (const one of [name, ...aliases])
        names.set(one.toLowerCase(), { plugin, dialect, options: dialect === undefined ? plugin.options : options })
  }
  return names
}

/** Reads `transformer` of a provider, which stands at `pointer`. */
export function readChains(
  config: ProviderConfig,
  names: TransformerNames,
  loaded: LoadedConfig,
  pointer: string,
): Chains | ChainFault {
  const { use, ...models } = config.transformer ?? {}
  const reader = new ChainReader(config.name, names, loaded, pointer)
  const own = reader.read(use, '/transformer/use', undefined)
  if (own !== undefined && 'reason' in own) return own
  const modelDialects: Chains['modelDialects'][number][] = []
  for (const [model, chain] of Object.entries(models)) {
    if (!isPlainObject(chain)) continue
    const field = joinPointer('/transformer', model)
    const fault = findFault(ModelChain, chain, field)
    if (fault !== undefined)
      return { field: fault.pointer, reason: `${fault.pointer.slice(1)} ${fault.fact}. Correct the value.` }
    // The schema was checked above.
    const chosen = reader.read((chain as ModelChain).use, `${field}/use`, model)
    if (chosen === undefined) continue
    if ('reason' in chosen) return chosen
    if (Object.keys(chosen.options).length > 0) {
      const reason = `${field.slice(1)}/use gives options to a dialect, which holds for a whole provider. Move them.`
      return { field: `${field}/use`, reason }
    }
    modelDialects.push({ model, dialect: chosen.dialect, field })
  }
  return { dialect: own?.dialect, dialectOptions: own?.options, modelDialects, entries: reader.entries }
}

/** The dialect that a list chooses. */
interface Chosen {
  readonly name: string
  readonly dialect: string
  readonly options: Options
}

type Chain = NonNullable<NonNullable<ProviderConfig['transformer']>['use']>

class ChainReader {
  readonly entries: EntryConfig[] = []
  readonly #provider: string
  readonly #names: TransformerNames
  readonly #loaded: LoadedConfig
  readonly #pointer: string

  constructor(provider: string, names: TransformerNames, loaded: LoadedConfig, pointer: string) {
    this.#provider = provider
    this.#names = names
    this.#loaded = loaded
    this.#pointer = pointer
  }

  /** Takes up the entries of a list; gives the dialect that it chooses, or what is wrong with it. */
  read(chain: Chain | undefined, field: string, model: string | undefined): Chosen | ChainFault | undefined {
    let chosen: Chosen | undefined
    for (const [index, item] of (chain ?? []).entries()) {
      const place = `${field}/${index}`
      const where = field.slice(1)
      const [name, said = {}] = typeof item === 'string' ? [item] : item
      if (typeof name !== 'string') return { field: place, reason: `${place.slice(1)} must begin with a name.` }
      const named = this.#names.get(name.toLowerCase())
      const file = filePath(name, dirname(this.#loaded.fileOf(this.#pointer)))
      if (named === undefined && file === undefined) return this.#unknown(name, where, place)
      const schema = named?.options ?? {}
      const options = asDeclared(schema, said)
      // Defaults are filled in when the plugin is activated.
      const fault = findFault(schema, Value.Default(schema, Value.Clone(options)), `${place}/1`)
      if (fault !== undefined) {
        return {
          field: fault.pointer,
          reason: `${fault.pointer.slice(1)} ${fault.fact}; ${name} reads it. Correct it.`,
        }
      }
      if (named?.dialect !== undefined) {
        if (chosen !== undefined) {
          return {
            field: place,
            reason: `${where} names two dialects, ${chosen.name} and ${name}. Remove one of them.`,
          }
        }
        // The schema was checked above.
        chosen = { name, dialect: named.dialect, options: options as Options }
      } else this.#add(named?.plugin.use ?? name, file ?? named?.plugin.file, options, place, model)
    }
    return chosen
  }

  #unknown(name: string, where: string, place: string): ChainFault {
    const near = suggestion(name, this.#names.keys())
    const list = [...this.#names.keys()].sort().join(', ')
    const fact = `${where} names ${name}, which no installed plugin declares`
    const remedy = 'Correct or remove it, or add a plugin that declares it; a file is named as file:./path.ts.'
    return { field: place, reason: `${fact}.${near} Known: ${list}. ${remedy}` }
  }

  #add(use: string, file: string | undefined, options: unknown, place: string, model: string | undefined): void {
    const scope = model === undefined ? this.#provider : `${this.#provider},${model}`
    const base = `${use}@${scope}`
    const repeated = this.entries.filter(({ id }) => id === base || id.startsWith(`${base}#`)).length
    const provider = this.#provider
    this.entries.push({
      id: repeated === 0 ? base : `${base}#${repeated + 1}`,
      use,
      file,
      // Its schema says what else they may be; the options of a file are checked once its code is there.
      options: options as EntryConfig['options'],
      enabled: true,
      optionsAt: (inner) => this.#loaded.at(`${this.#pointer}${place}/1${inner}`),
      at: this.#loaded.at(this.#pointer + place),
      when: {
        target: (target) =>
          target.provider === provider && (model === undefined || target.model.toLowerCase() === model.toLowerCase()),
      },
    })
  }
}
