import { join, sep } from 'node:path'
import type { Blueprint, Entry, ProfileBlueprint } from '../core/blueprint.ts'
import type { Generation } from '../core/generation.ts'
import { findBuiltins, packageRoot } from '../load/builtin.ts'
import type { EntryFailure } from '../load/entries.ts'
import type { LockEntry } from '../load/lock.ts'
import { storeFolder } from '../load/store.ts'

/** Where plugins are whose hooks are known without their code. */
export interface KnownPlugins {
  readonly home: string
  /** What the lock says of those that were added. */
  readonly pins: readonly LockEntry[]
}

/**
 * What a start may leave out: a plugin that came with the router or was added, and sees no requests of its own.
 * Anything else that cannot be loaded or activated stops the start, because it could be the one that guards it.
 *
 * @throws CcrError of the first entry that must not be left out
 */
export async function forgiving(
  blueprint: Blueprint,
  failures: readonly EntryFailure[],
  { home, pins }: KnownPlugins,
): Promise<Blueprint> {
  const builtins = (await findBuiltins()).map(({ name, manifest: { hooks } }) => ({ name, hooks }))
  // Of an added plugin the lock says it, since its files may be the very thing that is at fault.
  const known = [...builtins, ...pins.map(({ plugin, hooks }) => ({ name: plugin, hooks }))]
  const harmless = new Set(known.filter(({ hooks }) => !hooks.includes('onRequest')).map(({ name }) => name))
  // What one provider lacks guards nothing else, and the provider is left out with it.
  const fatal = failures.find((one) => !one.harmless && one.provider === undefined && !harmless.has(one.use))
  if (fatal) throw fatal.error
  return withEntries(blueprint, (entry) => ({
    ...entry,
    optional: harmless.has(entry.plugin.name) && (isBuiltinFile(entry.file) || isStoredFile(home, entry.file)),
  }))
}

/** What the start left out does not keep a later change from being taken: it is tried again, and left out again. */
export function stillLeftOut(blueprint: Blueprint, current: Generation | undefined): Blueprint {
  const out = new Set(current?.failures.map(({ subject }) => subject))
  if (out.size === 0) return blueprint
  return withEntries(blueprint, (entry) => (out.has(entry.id) ? { ...entry, optional: true } : entry))
}

/** Changes the entries of the config and of every profile. */
function withEntries(blueprint: Blueprint, change: (entry: Entry) => Entry): Blueprint {
  const changed = <P extends ProfileBlueprint>(from: P): P => ({ ...from, entries: from.entries.map(change) })
  const profiles = Object.entries(blueprint.profiles ?? {}).map(([name, one]) => [name, changed(one)] as const)
  return { ...changed(blueprint), profiles: Object.fromEntries(profiles) }
}

/** Whether code came with the router. A `file:` plugin may carry a built-in one's name; its file lies elsewhere. */
export function isBuiltinFile(file: string | undefined): boolean {
  return file?.startsWith(join(packageRoot(), 'plugins') + sep) === true
}

function isStoredFile(home: string, file: string | undefined): boolean {
  return file?.startsWith(storeFolder(home) + sep) === true
}
