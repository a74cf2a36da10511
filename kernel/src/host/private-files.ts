import { chmod, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What others may do with a file or directory. */
const OTHERS = 0o077

/**
 * Takes away what others may do with the directories of a home and the files directly in them. Gives a line for each
 * that was open; what belongs to somebody else stays as it is, and is told too. So does what lies outside: what a link
 * leads to, and the config that was asked for.
 */
export async function narrowPermissions(
  home: string,
  directories: readonly string[],
  configFile: string | undefined,
): Promise<readonly string[]> {
  if (process.platform === 'win32') return []
  const notes: string[] = []
  if (configFile !== undefined) notes.push(...(await told(configFile, 'is')))
  for (const directory of directories) {
    const names = await readdir(join(home, directory), { withFileTypes: true }).catch(() => [])
    const files = names.filter((entry) => entry.isFile()).map((entry) => join(directory, entry.name))
    for (const path of [directory, ...files]) notes.push(...(await narrow(join(home, path))))
    for (const entry of names.filter((one) => one.isSymbolicLink()))
      notes.push(...(await told(join(home, directory, entry.name), 'leads to a file that is')))
  }
  return notes
}

/**
 * A line for the home and each config file that belongs to neither this user nor root, who can do as much anyway.
 *
 * @param uid of this user; nothing where files have no such owners
 */
export async function foreignOwners(
  home: string,
  configFile: string | undefined,
  uid: number | undefined,
): Promise<readonly string[]> {
  if (uid === undefined) return []
  const configs =
    configFile === undefined ? ['config.json', 'ccr.config.ts'].map((name) => join(home, name)) : [configFile]
  const notes = [home, ...configs].map(async (path) => {
    const owner = (await stat(path).catch(() => undefined))?.uid
    if (owner === undefined || owner === uid || owner === 0) return []
    const fact = `${path} belongs to another user (uid ${owner}), who can change where keys and prompts go`
    return [`${fact}; take it over with chown`]
  })
  return (await Promise.all(notes)).flat()
}

async function told(path: string, is: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile() || (found.mode & OTHERS) === 0) return []
  return [`${path} ${is} open to others (mode ${modeOf(found)}); close it with chmod, if it holds keys`]
}

async function narrow(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => undefined)
  if (!found || (found.mode & OTHERS) === 0) return []
  const mode = modeOf(found)
  try {
    await chmod(path, found.mode & 0o700)
    return [`${path} was open to others (mode ${mode}); it no longer is`]
  } catch {
    return [`${path} is open to others (mode ${mode}) and cannot be changed; take it over with chown, or move it`]
  }
}

function modeOf({ mode }: { readonly mode: number }): string {
  return (mode & 0o777).toString(8)
}
