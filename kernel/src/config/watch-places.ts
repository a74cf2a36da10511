import { lstat, readlink } from 'node:fs/promises'
import { dirname, join, parse, sep } from 'node:path'

/** A name in a folder. */
export interface Place {
  /** Without symbolic links in it, as far as it exists. */
  readonly folder: string
  /** {@link ANY_NAME} for whatever comes and goes there. */
  readonly name: string
}

/** No file has this name. */
export const ANY_NAME = '/'

/** How long a chain of symbolic links may be; Linux has the same limit. */
const MAX_LINKS = 40

/**
 * The places that decide what stands at some paths: their own, each symbolic link on the way to them, or the first part
 * that does not exist. A path that ends with a separator stands for the names in that folder. The root folder is left
 * out: on some systems to watch it is to watch everything.
 *
 * @param paths absolute
 */
export async function placesOf(paths: readonly string[]): Promise<readonly Place[]> {
  const found = new Map<string, Promise<Found>>()
  const look = (path: string): Promise<Found> => {
    const looking = found.get(path) ?? lookAt(path)
    found.set(path, looking)
    return looking
  }
  return (await Promise.all(paths.map((path) => placesOn(path, look)))).flat()
}

/** What stands at a path: a link is given by its target. */
type Found = { readonly link: string } | 'present' | 'absent'

async function lookAt(path: string): Promise<Found> {
  try {
    return (await lstat(path)).isSymbolicLink() ? { link: await readlink(path) } : 'present'
  } catch {
    return 'absent'
  }
}

async function placesOn(path: string, look: (path: string) => Promise<Found>): Promise<readonly Place[]> {
  const places: Place[] = []
  const { root } = parse(path)
  const rest = partsOf(path)
  let folder = root
  for (let links = 0; links <= MAX_LINKS;) {
    const name = rest.shift()
    if (name === undefined) break
    if (name === '..') {
      folder = dirname(folder)
      continue
    }
    const found = await look(join(folder, name))
    if (found !== 'present' || rest.length === 0) places.push({ folder, name })
    if (found === 'absent') break
    if (found === 'present') {
      folder = join(folder, name)
      if (rest.length === 0 && path.endsWith(sep)) places.push({ folder, name: ANY_NAME })
    } else {
      links++
      rest.unshift(...partsOf(found.link))
      if (parse(found.link).root !== '') folder = parse(found.link).root
    }
  }
  return places.filter((place) => place.folder !== root)
}

function partsOf(path: string): string[] {
  return path
    .slice(parse(path).root.length)
    .split(sep)
    .filter((part) => part !== '' && part !== '.')
}
