import type { Blueprint } from '../core/blueprint.ts'
import { findBuiltins } from '../load/builtin.ts'
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
  return {
    ...blueprint,
    entries: blueprint.entries.map((entry) => ({
      ...entry,
      optional: harmless.has(entry.plugin.name) && isBuiltin(entry.file),
    })),
  }
}

/** A `file:` plugin may carry a built-in one's name; its file is source, a built-in one's is compiled. */
function isBuiltin(file: string | undefined): boolean {
  return file !== undefined && /[\\/]plugins[\\/][^\\/]+[\\/]dist[\\/]/.test(file)
}
