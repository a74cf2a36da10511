import type { ProviderBlueprint } from '../core/blueprint.ts'
import type { EntryConfig, LoadedEntries } from '../load/entries.ts'
import { loadCodeSections, type CodeSections } from './code-files.ts'
import type { InstalledPlugin } from './installed.ts'
import type { ChainedEntry, DisabledProvider } from './providers.ts'
import type { ResolvedProfile } from './resolve.ts'
import type { NamedFiles } from './transformer-files.ts'
import type { World } from './worlds.ts'

/** A profile with all the code that its config names. */
export interface CompleteProfile extends ResolvedProfile {
  readonly name: string
  /** Of its entries, and of the transformers of its providers. */
  readonly code: LoadedEntries
  /** What the files export that its sections name. */
  readonly named: CodeSections
  /** What the files declare that its sections list. */
  readonly files: NamedFiles
}

/** What the rest of the code is loaded with. */
export interface CompletionOptions {
  readonly installed: readonly InstalledPlugin[]
  readonly files: NamedFiles
  /** `false` runs no code of sections. */
  readonly thirdParty: boolean
  load(entries: readonly EntryConfig[]): Promise<LoadedEntries>
}

/**
 * Loads what else a profile names, beside the code of its entries. A provider whose transformers lack their code is
 * left out, and so is a model of which the same holds.
 */
export async function complete(
  { name, loaded, code }: World,
  profile: ResolvedProfile,
  { installed, files, thirdParty, load }: CompletionOptions,
): Promise<CompleteProfile> {
  const { chained, providers, disabledProviders, entries } = profile
  const routes = profile.namedProviders.map(({ pointer }) => pointer)
  const named = await loadCodeSections(profile.sections, { loaded, installed, entries, routes, thirdParty })
  const isAllowed = ({ entry }: ChainedEntry): boolean => thirdParty || entry.file === undefined
  const chains = await load(chained.filter(isAllowed).map(({ entry }) => entry))
  const forbidden = chained
    .filter((one) => !isAllowed(one))
    .map(({ provider: name, model, entry: { use, at } }) => ({
      name,
      model,
      reason: `safe mode does not run ${use}`,
      at,
    }))
  const faulty = chains.failures.map((failure) => {
    const { provider, model, entry } = chained.find((one) => one.entry.id === failure.id)!
    return { ...failure, provider, model, at: entry.at }
  })
  const lost = [
    ...faulty.map(({ provider: name, model, error, at }) => ({ name, model, reason: error.message, at })),
    ...forbidden,
  ]
  return {
    ...profile,
    name,
    sections: named.sections,
    providers: providers.flatMap((provider) => without(provider, lost)),
    disabledProviders: [...disabledProviders, ...lost],
    code: {
      entries: [...code.entries, ...chains.entries],
      failures: [...code.failures, ...faulty],
      inputs: [...code.inputs, ...chains.inputs],
    },
    named,
    files,
  }
}

function without(provider: ProviderBlueprint, lost: readonly DisabledProvider[]): readonly ProviderBlueprint[] {
  const own = lost.filter(({ name }) => name === provider.name)
  if (own.some(({ model }) => model === undefined)) return []
  const models = own.flatMap(({ model }) => (model === undefined ? [] : [[model, undefined] as const]))
  return [
    models.length === 0 ? provider : { ...provider, ofModels: new Map([...(provider.ofModels ?? []), ...models]) },
  ]
}
