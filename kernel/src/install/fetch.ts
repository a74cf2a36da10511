import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { isPublicAddress, resolveHost } from './addresses.ts'
import { ARCHIVE_LIMITS } from './archive.ts'
import { download } from './download.ts'
import { cloneCommit } from './git.ts'
import { runNpm } from './npm.ts'
import type { Source } from './source.ts'

/** What was fetched: an archive that nothing has looked into yet. */
export interface Fetched {
  readonly bytes: Uint8Array
  /** Where exactly it came from. */
  readonly resolved: string
  /** What the registry says of it, where there is one. */
  readonly registry?: RegistryFacts | undefined
}

/** What a registry says of a version. */
export interface RegistryFacts {
  /** Milliseconds since the epoch; nothing when it does not say. */
  readonly publishedAt: number | undefined
  readonly maintainers: readonly string[]
  readonly deprecated: string | undefined
}

/** How something is fetched. */
export interface FetchOptions {
  /** A folder of this fetch's own; whoever made it removes it. */
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  readonly allowPrivate: boolean
  /** Is told what takes long. */
  readonly progress: (step: string) => void
}

const DOWNLOAD_MS = 60_000

/**
 * Fetches the archive of a package without running anything of it. A repository is fetched first and packed then, since
 * packing its address would install what it depends on.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE`
 */
export async function fetchPackage(
  source: Exclude<Source, { type: 'folder' }>,
  options: FetchOptions,
): Promise<Fetched> {
  switch (source.type) {
    case 'archive':
      return { bytes: await readArchiveFile(source.file), resolved: `file:${source.file}` }
    case 'url':
      options.progress(`downloading ${source.url}`)
      return fetchUrl(source.url, options.allowPrivate)
    case 'git':
      options.progress(`fetching ${source.url}`)
      return fetchGit(source, options)
    case 'npm':
      options.progress(`fetching ${source.name}@${source.range} from the registry`)
      return fetchNpm(source, options)
  }
}

/**
 * Packs a folder as npm would publish it, without running anything.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE`
 */
async function packFolder(folder: string, { folder: scratch, env }: FetchOptions): Promise<Uint8Array> {
  return (await pack(folder, join(scratch, 'pack'), env)).bytes
}

async function readArchiveFile(file: string): Promise<Uint8Array> {
  const { size } = await stat(file)
  if (size <= ARCHIVE_LIMITS.packedBytes) return readFile(file)
  throw new CcrError('CCR_INSTALL_SOURCE', `${file} is larger than ${ARCHIVE_LIMITS.packedBytes} bytes. Pack less.`)
}

async function fetchUrl(url: string, allowPrivate: boolean): Promise<Fetched> {
  const limits = { maxBytes: ARCHIVE_LIMITS.packedBytes, timeoutMs: DOWNLOAD_MS }
  const { bytes, url: resolved } = await download(url, { allowPrivate, ...limits })
  return { bytes, resolved }
}

async function fetchGit(source: Extract<Source, { type: 'git' }>, options: FetchOptions): Promise<Fetched> {
  const { env, allowPrivate, folder } = options
  const clone = join(folder, 'repository')
  const commit = await cloneCommit(source, { folder: clone, env, allowPrivate })
  options.progress(`packing commit ${commit}`)
  return { bytes: await packFolder(clone, options), resolved: `${source.url}#${commit}` }
}

async function fetchNpm({ name, range }: Extract<Source, { type: 'npm' }>, options: FetchOptions): Promise<Fetched> {
  const { env, folder, allowPrivate } = options
  if (!allowPrivate) await checkRegistry(name, options)
  const fields = ['version', 'dist', 'time', 'maintainers', 'deprecated']
  const [{ bytes, version }, view] = await Promise.all([
    pack(`${name}@${range}`, join(folder, 'pack'), env),
    runNpm(['view', '--json', `${name}@${range}`, ...fields], { folder: join(folder, 'view'), env }),
  ])
  return { bytes, ...factsIn(view, name, version) }
}

interface Packed {
  readonly bytes: Uint8Array
  readonly version: string
}

async function pack(what: string, folder: string, env: NodeJS.ProcessEnv): Promise<Packed> {
  const destination = join(folder, 'out')
  await mkdir(destination, { recursive: true, mode: 0o700 })
  const printed = await runNpm(['pack', '--json', what, `--pack-destination=${destination}`], { folder, env })
  const [name] = (await readdir(destination)).filter((one) => one.endsWith('.tgz'))
  const [facts] = Object.values(Object(JSON.parse(printed)) as Readonly<Record<string, { version?: unknown }>>)
  if (name !== undefined) {
    return { bytes: await readArchiveFile(join(destination, name)), version: String(facts?.version) }
  }
  throw new CcrError('CCR_INSTALL_SOURCE', `npm packed nothing of ${what}. Check what it is.`)
}

/** The registry is the user's own choice; that it is not on a public host must be said with every use of it. */
async function checkRegistry(name: string, { env, folder }: FetchOptions): Promise<void> {
  const scope = name.startsWith('@') ? [`${name.split('/')[0]}:registry`] : []
  const answers = [...scope, 'registry'].map(async (key) => {
    return (await runNpm(['config', 'get', key], { folder: join(folder, key.replace(/\W/g, '')), env })).trim()
  })
  const registry = (await Promise.all(answers)).find((url) => URL.canParse(url))
  if (registry === undefined) return
  const addresses = await resolveHost(new URL(registry).hostname).catch(() => [])
  const refused = addresses.find(({ address }) => !isPublicAddress(address))
  if (refused === undefined) return
  const fact = `the registry ${new URL(registry).origin} is at ${refused.address}, which is not public`
  throw new CcrError('CCR_INSTALL_SOURCE', `${fact}. If it is meant to be, add --allow-private-addresses.`)
}

/** What `npm view --json` printed: one version, or a list of those in a range. */
function factsIn(text: string, name: string, version: string): Pick<Fetched, 'resolved' | 'registry'> {
  const parsed: unknown = JSON.parse(text)
  const views: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed]
  const found = views.find((one) => (Object(one) as { readonly version?: unknown }).version === version)
  const view = Object(found) as Readonly<Record<string, unknown>>
  const dist = Object(view['dist']) as { readonly tarball?: unknown }
  const time = Object(view['time']) as Readonly<Record<string, unknown>>
  const publishedAt = Date.parse(String(time[version]))
  const people: readonly unknown[] = Array.isArray(view['maintainers']) ? view['maintainers'] : []
  return {
    resolved: typeof dist.tarball === 'string' ? dist.tarball : `${name}@${version}`,
    registry: {
      publishedAt: Number.isNaN(publishedAt) ? undefined : publishedAt,
      maintainers: people.map((one) => String(Object(one).name ?? one).replace(/ <.*$/, '')),
      deprecated: typeof view['deprecated'] === 'string' ? view['deprecated'] : undefined,
    },
  }
}
