import { readFile, stat } from 'node:fs/promises'
import { extname, join, relative, resolve, sep } from 'node:path'
import { CcrError, messageOf } from '@ccr/sdk'
import { namedEntry } from './package.ts'

/** Where a plugin's code is. */
export interface PluginFile {
  /** The entry file. */
  readonly file: string
  /** The folder of its package; nothing for a single file. */
  readonly folder: string | undefined
  /** As its `package.json` says. */
  readonly version: string
}

/** Where the entry is in a folder that does not say so. */
const USUAL = ['src/index.ts', 'index.ts', 'dist/index.js', 'index.js']

/**
 * Finds the entry file of the plugin at a path: a file, or the folder of a package.
 *
 * @throws CcrError `CCR_INSTALL_PACKAGE`
 */
export async function findPluginFile(path: string): Promise<PluginFile> {
  const place = resolve(path)
  const found = await stat(place).catch(() => undefined)
  if (found === undefined) throw refuse(place, 'does not exist. Name a plugin file, or the folder of its package')
  if (found.isFile()) return { file: place, folder: undefined, version: '0.0.0' }
  const description = await readDescription(join(place, 'package.json'))
  const named = namedEntry(description)
  if (named !== undefined) return { file: inside(place, named), folder: place, version: versionOf(description) }
  for (const usual of USUAL) {
    const file = join(place, usual)
    if (await stat(file).catch(() => undefined)) return { file, folder: place, version: versionOf(description) }
  }
  throw refuse(place, `holds no plugin: there is neither exports in its package.json nor ${USUAL.join(', ')}`)
}

type Description = Readonly<Record<string, unknown>>

async function readDescription(file: string): Promise<Description> {
  const text = await readFile(file, 'utf8').catch(() => '{}')
  try {
    return Object(JSON.parse(text)) as Description
  } catch (thrown) {
    throw refuse(file, `is not JSON: ${messageOf(thrown)}. Correct it`, thrown)
  }
}

function versionOf({ version }: Description): string {
  return typeof version === 'string' ? version : '0.0.0'
}

function inside(folder: string, named: string): string {
  const file = resolve(folder, named)
  const path = relative(folder, file)
  if (path.startsWith('..') || path.startsWith(sep) || extname(file) === '') {
    throw refuse(folder, `names ${named} as its entry, which is no file in it. Correct exports in package.json`)
  }
  return file
}

function refuse(at: string, fact: string, cause?: unknown): CcrError {
  return new CcrError('CCR_INSTALL_PACKAGE', `${at} ${fact}.`, { at, cause })
}
