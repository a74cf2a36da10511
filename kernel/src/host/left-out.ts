import { sep } from 'node:path'
import type { Assembly } from '../config/assemble.ts'
import type { Blueprint, Entry, ProfileBlueprint, ProviderBlueprint } from '../core/blueprint.ts'
import type { Generation } from '../core/generation.ts'
import { findBuiltins, isBuiltinFile } from '../load/builtin.ts'
import { storeFolder } from '../load/store.ts'

/**
 * What a start makes of a config. It leaves out, visibly, what guards nothing: a transformer of a provider, with the
 * provider; a file that only declares transformers, with the providers that name these; a plugin that came with the
 * router or was added and sees no requests of its own. Anything else that cannot be loaded or activated stops the
 * start: nobody knows what a plugin of a file would do.
 *
 * @throws CcrError of the first entry that must not be left out
 */
export async function forStart({ blueprint, failures, pins }: Assembly, home: string): Promise<Blueprint> {
  const known = [
    ...(await findBuiltins()).map(({ name, manifest: { hooks } }) => ({ name, hooks })),
    // Of an added plugin the lock says it, since its files may be the very thing that is at fault.
    ...pins.map(({ plugin, hooks }) => ({ name: plugin, hooks })),
  ]
  const harmless = new Set(known.filter(({ hooks }) => !hooks.includes('onRequest')).map(({ name }) => name))
  const fatal = failures.find(
    ({ use, provider, declares, harmless: isFaultless }) =>
      !isFaultless && !declares && provider === undefined && !harmless.has(use),
  )
  if (fatal) throw fatal.error
  const isInstalled = (file: string | undefined): boolean =>
    isBuiltinFile(file) || file?.startsWith(storeFolder(home) + sep) === true
  return weighed(blueprint, ({ id, file, plugin }, { providers }) => {
    if (providers.some((provider) => neededBy(provider).includes(id))) return true
    return isInstalled(file) && harmless.has(plugin.name)
  })
}

/**
 * What a change of a config makes of it: all or nothing, but that what is left out already is tried again, and left out
 * again, so that it does not keep the rest from being changed.
 *
 * @param missing what is left out before the change, see {@link leftOutOf}
 * @throws CcrError of the first entry that fails, and did not before
 */
export function forChange({ blueprint, failures }: Assembly, missing: ReadonlySet<string>): Blueprint {
  const failure = failures.find(({ id, harmless }) => !harmless && !missing.has(id))
  if (failure) throw failure.error
  return weighed(blueprint, ({ id }) => missing.has(id))
}

/** The ids of entries that are to run and do not: because of their code, or as far as the generation made of it got. */
export function leftOutOf(
  { failures }: Pick<Assembly, 'failures'>,
  generation?: Pick<Generation, 'failures'>,
): ReadonlySet<string> {
  const unloaded = failures.filter(({ harmless }) => !harmless).map(({ id }) => id)
  // A provider that was left out is among them, and no entry.
  const inactive = generation?.failures.map(({ subject }) => subject).filter((id) => !id.startsWith("provider '"))
  return new Set([...unloaded, ...(inactive ?? [])])
}

/** What a provider, or a model of it, is left out without. */
function neededBy({ needs = [], ofModels }: ProviderBlueprint): readonly string[] {
  return [...needs, ...[...(ofModels?.values() ?? [])].flatMap((model) => model?.needs ?? [])]
}

function weighed(blueprint: Blueprint, isOptional: (entry: Entry, profile: ProfileBlueprint) => boolean): Blueprint {
  const weigh = <P extends ProfileBlueprint>(from: P): P => ({
    ...from,
    entries: from.entries.map((entry) => ({ ...entry, optional: isOptional(entry, from) })),
  })
  const profiles = Object.entries(blueprint.profiles ?? {}).map(([name, one]) => [name, weigh(one)] as const)
  return { ...weigh(blueprint), profiles: Object.fromEntries(profiles) }
}
