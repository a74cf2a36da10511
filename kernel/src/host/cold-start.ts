import { join, sep } from 'node:path'
import type { Blueprint, ProfileBlueprint } from '../core/blueprint.ts'
import { findBuiltins, packageRoot } from '../load/builtin.ts'
import type { EntryFailure } from '../load/entries.ts'

/**
 * What a start may leave out: a built-in plugin that sees no requests of its own. Anything else that cannot be loaded
 * or activated stops the start, because it could be the one that guards it.
 *
 * @throws CcrError of the first entry that must not be left out
 */
export async function forgiving(blueprint: Blueprint, failures: readonly EntryFailure[]): Promise<Blueprint> {
  const harmless = new Set(
    (await findBuiltins()).filter(({ manifest }) => !manifest.hooks.includes('onRequest')).map(({ name }) => name),
  )
  const fatal = failures.find(({ use }) => !harmless.has(use))
  if (fatal) throw fatal.error
  const weighed = <P extends ProfileBlueprint>(from: P): P => ({
    ...from,
    entries: from.entries.map((entry) => ({
      ...entry,
      optional: harmless.has(entry.plugin.name) && isBuiltin(entry.file),
    })),
  })
  const profiles = Object.entries(blueprint.profiles ?? {}).map(([name, one]) => [name, weighed(one)] as const)
  return { ...weighed(blueprint), profiles: Object.fromEntries(profiles) }
}

/** A `file:` plugin may carry a built-in one's name; its file lies elsewhere. */
function isBuiltin(file: string | undefined): boolean {
  return file?.startsWith(join(packageRoot(), 'plugins') + sep) === true
}
