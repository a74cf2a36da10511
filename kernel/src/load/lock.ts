import { join } from 'node:path'
import { CcrError, messageOf } from '@ccr/sdk'
import { Type, Value, type Static } from '@ccr/sdk/typebox'
import { PACKAGE_NAME, PLUGIN_NAME, VERSION } from './package.ts'

const Names = Type.Array(Type.String())

/** What was agreed to when a plugin was installed. */
export const LockEntry = Type.Object(
  {
    /** Name of the package. */
    name: Type.String({ pattern: PACKAGE_NAME }),
    /** Name of the plugin in it. */
    plugin: Type.String({ pattern: PLUGIN_NAME }),
    version: Type.String({ pattern: VERSION }),
    /** What the user named, so that an update knows where to look. */
    source: Type.String({ minLength: 1 }),
    /** Where exactly it came from: a URL, or a repository at a commit. */
    resolved: Type.String(),
    /** `sha512-…` of the archive. */
    integrity: Type.String({ pattern: '^sha512-[A-Za-z0-9+/]+=*$' }),
    /** `sha256-…` of every installed file and its path. */
    tree: Type.String({ pattern: '^sha256-[0-9a-f]{64}$' }),
    hooks: Names,
    capabilities: Names,
    /** ISO 8601. */
    grantedAt: Type.String(),
  },
  { additionalProperties: false },
)
export type LockEntry = Static<typeof LockEntry>

/** `ccr.lock.json`. */
const Lock = Type.Object(
  { lockVersion: Type.Literal(1), plugins: Type.Array(LockEntry) },
  { additionalProperties: false },
)

/** Where the lock of a home is. */
export function lockFile(home: string): string {
  return join(home, 'ccr.lock.json')
}

/**
 * The plugins that a lock pins, by package name; none where there is no lock.
 *
 * @throws CcrError `CCR_PLUGIN_INTEGRITY` when the text is not a lock that this version can read
 */
export function parseLock(text: string | undefined, file: string): readonly LockEntry[] {
  if (text === undefined) return []
  let lock: unknown
  try {
    lock = JSON.parse(text)
  } catch (thrown) {
    throw damaged(file, messageOf(thrown), thrown)
  }
  const version = (Object(lock) as { readonly lockVersion?: unknown }).lockVersion
  if (typeof version === 'number' && version > 1) {
    throw damaged(file, `it was written by a newer version of ccr (lockVersion ${version}, this one knows 1)`)
  }
  if (!Value.Check(Lock, lock)) throw damaged(file, 'it does not have the form of a lock')
  const names = lock.plugins.flatMap(({ name, plugin }) => (name === plugin ? [name] : [name, plugin]))
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  if (repeated !== undefined) throw damaged(file, `it pins ${repeated} twice`)
  return lock.plugins
}

/** The text of a lock; plugins come in the order of their names. */
export function formatLock(plugins: readonly LockEntry[]): string {
  const sorted = plugins.toSorted((first, second) => (first.name < second.name ? -1 : 1))
  return `${JSON.stringify({ lockVersion: 1, plugins: sorted }, null, 2)}\n`
}

/** Whether a lock pins less than the one before it. */
export function dropsPlugins(before: string | undefined, after: string): boolean {
  const kept = new Set(parseLock(after, 'the new lock').map(({ name }) => name))
  try {
    return parseLock(before, 'the lock').some(({ name }) => !kept.has(name))
  } catch {
    return false
  }
}

function damaged(file: string, fact: string, cause?: unknown): CcrError {
  const message = `${file} cannot be used: ${fact}. Put back a copy of it, or delete it and add the plugins again.`
  return new CcrError('CCR_PLUGIN_INTEGRITY', message, { at: file, cause })
}
