import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { CcrError, isCcrError, messageOf } from '@ccr/sdk'
import { withoutControls } from '../config/presets/shown-text.ts'
import { parseSource, type ConfigSource } from '../config/source.ts'
import { download } from '../install/download.ts'
import { packageRoot } from '../load/builtin.ts'
import { manifestText } from './archive.ts'
import { checkIntegrity } from './integrity.ts'
import { findEntry, readMarketplace } from './marketplace.ts'
import { packFromRegistry } from './registry.ts'

/** A manifest as it was found, not yet checked. */
export interface FoundPreset {
  readonly text: string
  readonly source: ConfigSource
  /** Where it is from, for people. */
  readonly from: string
}

/** How presets are looked for. */
export interface SearchOptions {
  /** The folder that relative paths start at. */
  readonly directory: string
  readonly env: NodeJS.ProcessEnv
  /** Takes http and addresses of this machine and its network too. */
  readonly allowPrivate: boolean
  /** URL of the marketplace. */
  readonly marketplace: string | undefined
  readonly signal?: AbortSignal | undefined
}

const MAX_BYTES = 5 * 1024 * 1024

/** Text that is served as a file; `text/html` is a page about it. */
const TYPES = ['', 'application/json', 'application/json5', 'application/octet-stream', 'text/json', 'text/plain']
const ARCHIVE_TYPES = ['application/gzip', 'application/x-gzip', 'application/x-tgz', 'application/zip']

/**
 * Finds a preset: a folder or file, an https URL, `npm:` and a package, the name of one that comes with the router, or
 * the name of one in the marketplace.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE`, `CCR_PRESET_NAME`, or `CCR_PRESET_INVALID` for what holds no manifest
 */
export async function findPreset(what: string, options: SearchOptions): Promise<FoundPreset> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(what)) return fromUrl(what, options)
  if (what.startsWith('npm:')) {
    const bytes = await packFromRegistry(what.slice('npm:'.length), options)
    return found(manifestText(bytes, what), 'manifest.json', what)
  }
  if (/[\\/]|^\.{1,2}$|\.(?:json5?|t?gz|zip)$/i.test(what)) return fromPath(resolve(options.directory, what))
  const bundled = join(packageRoot(), 'presets', what, 'manifest.json')
  if (/^[\w-]+$/.test(what) && what !== 'default' && existsSync(bundled)) {
    return found(await readFile(bundled, 'utf8'), bundled, 'this installation')
  }
  return fromMarketplace(what, options)
}

async function fromUrl(url: string, { allowPrivate, signal }: SearchOptions): Promise<FoundPreset> {
  const { bytes, contentType, url: from } = await download(url, { allowPrivate, maxBytes: MAX_BYTES, signal })
  if (![...TYPES, ...ARCHIVE_TYPES].includes(contentType) && !contentType.endsWith('+json')) {
    const message = `${url} is ${contentType}, not a manifest. Give the URL of the manifest.json itself.`
    throw new CcrError('CCR_INSTALL_SOURCE', message)
  }
  return found(manifestText(bytes, url), basename(new URL(from).pathname) || 'manifest.json', from)
}

async function fromMarketplace(name: string, options: SearchOptions): Promise<FoundPreset> {
  const { marketplace: url, allowPrivate, signal } = options
  if (url === undefined) {
    const remedy = 'Give a path, a URL or npm:<package>, or name a marketplace in the config or with --marketplace.'
    throw new CcrError('CCR_PRESET_NAME', `no preset ${name} comes with the router. ${remedy}`)
  }
  const marketplace = await readMarketplace(url, { allowPrivate, signal })
  const entry = findEntry(marketplace, name)
  if (entry === undefined) {
    const message = `the marketplace ${url} has no preset ${name} that can be used. \`ccr preset search\` lists them.`
    throw new CcrError('CCR_PRESET_NAME', message)
  }
  const place = new URL(entry.url, marketplace.url).href
  const { bytes } = await download(place, { allowPrivate, maxBytes: MAX_BYTES, signal })
  checkIntegrity(bytes, entry.integrity, place)
  return found(
    manifestText(bytes, place),
    basename(new URL(place).pathname) || 'manifest.json',
    `${place} (marketplace ${url})`,
  )
}

async function fromPath(path: string): Promise<FoundPreset> {
  const isFolder = await stat(path).then(
    (one) => one.isDirectory(),
    () => false,
  )
  const file = isFolder ? join(path, 'manifest.json') : path
  return found(manifestText(await readBounded(file), file), file, file)
}

async function readBounded(file: string): Promise<Uint8Array> {
  const fail = (fact: string, cause?: unknown): CcrError => {
    const remedy = 'Give the folder of a manifest.json, or the file itself.'
    return new CcrError('CCR_INSTALL_SOURCE', `${file} cannot be read: ${fact}. ${remedy}`, { at: file, cause })
  }
  try {
    const one = await stat(file)
    if (!one.isFile()) throw fail('it is not a file')
    if (one.size > MAX_BYTES) throw fail(`it is larger than ${MAX_BYTES} bytes`)
    return await readFile(file)
  } catch (thrown) {
    throw isCcrError(thrown) ? thrown : fail(messageOf(thrown), thrown)
  }
}

/** @param label names the text in errors, as the file that it is or was */
function found(text: string, label: string, from: string): FoundPreset {
  try {
    return { text, source: parseSource(label, text), from }
  } catch (thrown) {
    // It is no config that cannot be read.
    const at = isCcrError(thrown) ? thrown.at : undefined
    throw new CcrError('CCR_PRESET_INVALID', withoutControls(messageOf(thrown)), { at, cause: thrown })
  }
}
