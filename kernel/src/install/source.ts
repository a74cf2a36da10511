import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CcrError } from '@ccr/sdk'
import semver from 'semver'
import { editDistance } from '../load/nearest.ts'
import { PACKAGE_NAME } from '../load/package.ts'

/** Where a plugin is to come from. */
export type Source =
  | { readonly type: 'npm'; readonly name: string; readonly range: string }
  | { readonly type: 'git'; readonly url: string; readonly ref: string | undefined }
  | { readonly type: 'url'; readonly url: string }
  | { readonly type: 'archive'; readonly file: string }
  | { readonly type: 'folder'; readonly folder: string }

const MAX_NAME = 214
/** Names of Windows devices, which no file can have there. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/

/**
 * Reads what a user wrote: `name`, `name@range`, `npm:name@range`, `git+https://…#ref`, the URL of an archive, or the
 * path of a folder or a `.tgz`.
 *
 * @param folder what a path is relative to
 * @throws CcrError `CCR_INSTALL_SOURCE`
 */
export function parseSource(text: string, folder: string): Source {
  if (text === '' || /[\0-\x1f\x7f]/.test(text)) throw refused(text, 'it is empty or holds control characters')
  if (text.startsWith('-')) throw refused(text, 'it begins like an option')
  if (text.startsWith('git+') || /^https?:\/\/[^#]+\.git(?:#|$)/.test(text)) return gitSource(text)
  if (/^https?:\/\//.test(text)) return { type: 'url', url: text }
  if (/^[a-z][a-z0-9+.-]+:/i.test(text) && !/^(?:npm|file):/.test(text) && !isDrive(text)) {
    throw refused(text, 'this kind of address is not known')
  }
  if (isPath(text)) return pathSource(text, folder)
  return npmSource(text.replace(/^npm:/, ''))
}

/** A source as it is written down, so that it can be read again from anywhere. */
export function formatSource(source: Source): string {
  switch (source.type) {
    case 'npm':
      return source.range === 'latest' ? source.name : `${source.name}@${source.range}`
    case 'git':
      return source.ref === undefined ? source.url : `${source.url}#${source.ref}`
    case 'url':
      return source.url
    case 'archive':
      return source.file
    case 'folder':
      return source.folder
  }
}

/**
 * Checks the name of a package: one that npm takes, in plain ASCII, that can be a folder everywhere.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE`
 */
export function checkPackageName(name: string): string {
  const isUsable = new RegExp(PACKAGE_NAME).test(name) && name.length <= MAX_NAME && !name.includes('..')
  if (!isUsable || name.split('/').some((part) => DEVICE.test(part))) {
    throw refused(
      name,
      'it is not the name of a package: lower-case letters, digits, ".", "_" and "-", after an @scope/',
    )
  }
  return name
}

/** The known name that another one can be mistaken for: it looks the same, or is one or two keys away. */
export function lookAlike(name: string, known: Iterable<string>): string | undefined {
  const seen = skeleton(name)
  for (const other of known) {
    if (other === name) continue
    const shown = skeleton(other)
    const length = Math.min(seen.length, shown.length)
    const limit = length >= 12 ? 2 : length >= 5 ? 1 : 0
    if (editDistance(seen, shown) <= limit) return other
  }
  return undefined
}

/** What a name looks like: characters that are easily mixed up are the same. */
function skeleton(name: string): string {
  return name
    .replace(/^@[^/]+\//, '')
    .replace(/^(?:ccr-)?plugin-/, '')
    .replace(/[._]/g, '-')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replaceAll('0', 'o')
    .replaceAll('5', 's')
    .replace(/[1i]/g, 'l')
}

function npmSource(text: string): Source {
  const at = text.indexOf('@', 1)
  const name = checkPackageName(at < 0 ? text : text.slice(0, at))
  const range = at < 0 ? 'latest' : text.slice(at + 1)
  const isTag = /^[A-Za-z][\w.-]*$/.test(range)
  if (!isTag && semver.validRange(range) === null) throw refused(text, `${range} is neither a version range nor a tag`)
  return { type: 'npm', name, range }
}

function gitSource(text: string): Source {
  const [address = '', ref] = text.replace(/^git\+/, '').split(/#(.*)/s)
  if (!URL.canParse(address) || !/^(?:https?|ssh|file):$/.test(new URL(address).protocol)) {
    throw refused(text, 'a repository is named as git+https://, git+ssh:// or git+file://')
  }
  const { username, password, protocol } = new URL(address)
  if (password !== '' || (protocol !== 'ssh:' && username !== '')) {
    throw refused(text, 'it holds credentials, which would be stored and shown')
  }
  if (ref !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(ref)) {
    throw refused(text, `${JSON.stringify(ref)} is neither a branch, nor a tag, nor a commit`)
  }
  return { type: 'git', url: `git+${address}`, ref }
}

function isDrive(text: string): boolean {
  return process.platform === 'win32' && /^[A-Za-z]:[\\/]/.test(text)
}

function isPath(text: string): boolean {
  return /^(?:file:|\.{0,2}\/|\.{1,2}$|~\/)/.test(text) || isDrive(text) || /\.(?:tgz|tar\.gz)$/.test(text)
}

function pathSource(text: string, folder: string): Source {
  const written = text.startsWith('file://') ? fileURLToPath(text) : text.replace(/^file:/, '')
  const path = resolve(folder, written.replace(/^~(?=\/)/, homedir()))
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw refused(text, `${path} does not exist`)
  if (found.isDirectory()) return { type: 'folder', folder: path }
  if (/\.(?:tgz|tar\.gz)$/.test(path)) return { type: 'archive', file: path }
  throw refused(text, 'it is neither a folder nor a .tgz; a single file is used by a `file:` entry of the config')
}

function refused(text: string, fact: string): CcrError {
  const forms = 'Name a package (name@range), a repository (git+https://…#ref), the URL of a .tgz, or a path'
  return new CcrError('CCR_INSTALL_SOURCE', `${JSON.stringify(text)} names no plugin: ${fact}. ${forms}.`)
}
