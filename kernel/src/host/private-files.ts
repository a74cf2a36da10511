import { chmod, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What others may do with a file or directory. */
const OTHERS = 0o077

/**
 * Takes away what others may do with the directories of a home and the files directly in them. Gives a line for each
 * that was open; what belongs to somebody else stays as it is, and is told too.
 */
export async function narrowPermissions(home: string, directories: readonly string[]): Promise<readonly string[]> {
  if (process.platform === 'win32') return []
  const notes: string[] = []
  for (const directory of directories) {
    const names = await readdir(join(home, directory), { withFileTypes: true }).catch(() => [])
    const files = names.filter((entry) => entry.isFile()).map((entry) => join(directory, entry.name))
    for (const path of [directory, ...files]) notes.push(...(await narrow(join(home, path))))
  }
  return notes
}

async function narrow(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => undefined)
  if (!found || (found.mode & OTHERS) === 0) return []
  const mode = (found.mode & 0o777).toString(8)
  try {
    await chmod(path, found.mode & 0o700)
    return [`${path} was open to others (mode ${mode}); it no longer is`]
  } catch {
    return [`${path} is open to others (mode ${mode}) and cannot be changed; take it over with chown, or move it`]
  }
}
