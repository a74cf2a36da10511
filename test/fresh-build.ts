import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Runs before the tests, which load what other packages have built. */
export function setup(): void {
  const [stale] = staleFiles(fileURLToPath(new URL('..', import.meta.url)))
  if (stale !== undefined) throw new Error(`${stale} is not what dist was built from; run npm run build`)
}

/** Source of SDK and kernel that was not built as it is; compared by content, because a checkout changes times. */
export function staleFiles(root: string): string[] {
  const dist = ['sdk/dist', 'sdk/dist/testing', 'kernel/dist']
  const built = new Map(dist.flatMap((folder) => builtFrom(join(root, folder))))
  const source = ['sdk/src', 'kernel/src'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(root, folder, name)),
  )
  return source
    .filter((path) => /(?<!\.test|-fixture)\.ts$/.test(path) && built.get(path) !== hashOf(path))
    .map((path) => relative(root, path))
}

interface BuildInfo {
  readonly fileNames: readonly string[]
  readonly fileInfos: readonly (string | { readonly version: string })[]
}

/** What the compiler notes beside its output: the SHA-256 of each file that it read, by path. */
function builtFrom(folder: string): (readonly [path: string, hash: string])[] {
  const path = join(folder, '.tsbuildinfo')
  if (!existsSync(path)) return []
  const { fileNames, fileInfos } = JSON.parse(readFileSync(path, 'utf8')) as BuildInfo
  return fileNames.map((name, index) => {
    const info = fileInfos[index]!
    return [join(folder, name), typeof info === 'string' ? info : info.version] as const
  })
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
