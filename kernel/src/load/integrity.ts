import { createHash } from 'node:crypto'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** How many files are read at once. */
const PARALLEL = 32
/** More than any plugin has; a store that holds more was not made by this code. */
const MAX_FILES = 50_000

/**
 * One hash of every file below a folder: its path and its bytes. Nothing about it may be taken from dates or sizes,
 * which whoever changes a file can put back.
 *
 * @throws Error when there is something else than files and folders, such as a link that leads out of the tree
 */
export async function hashTree(folder: string): Promise<string> {
  const files = (await filesIn(folder)).sort()
  const hash = createHash('sha256')
  for (let first = 0; first < files.length; first += PARALLEL) {
    const group = files.slice(first, first + PARALLEL)
    const contents = await Promise.all(group.map((path) => readFile(join(folder, path))))
    // Lengths, so that the end of one file cannot be taken for the beginning of the next.
    for (const [index, bytes] of contents.entries()) hash.update(`${group[index]}\0${bytes.length}\0`).update(bytes)
  }
  return `sha256-${hash.digest('hex')}`
}

async function filesIn(root: string): Promise<string[]> {
  if (!(await lstat(root)).isDirectory()) throw new Error(`${root} is not a folder`)
  const found: string[] = []
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) folders.push(path)
      else if (entry.isFile()) found.push(path)
      else throw new Error(`${join(root, path)} is neither a file nor a folder`)
      if (found.length > MAX_FILES) throw new Error(`${root} holds more than ${MAX_FILES} files`)
    }
  }
  return found
}
