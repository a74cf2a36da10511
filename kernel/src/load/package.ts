import { posix } from 'node:path'
import { isObject } from '@ccr/sdk'

/** What a version is: it names a folder of the store, and is shown in terminals. Source: Semantic Versioning 2.0.0. */
export const VERSION = '^\\d{1,16}\\.\\d{1,16}\\.\\d{1,16}(?:[-+][0-9A-Za-z.+-]{1,128})?$'

/** What a package is called, with or without a scope. */
export const PACKAGE_NAME = '^(?:@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*$'

/** What a plugin is called: lower-case words joined by `-`. */
export const PLUGIN_NAME = '^[a-z0-9]+(?:-[a-z0-9]+)*$'

/** What a `package.json` says, as far as an installed plugin is concerned. */
export interface PackageDescription {
  readonly name: string
  readonly version: string
  /** Path of the static manifest in the package. */
  readonly manifest: string
  /** Path of the entry file in the package. */
  readonly entry: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

/**
 * Reads the text of a `package.json`.
 *
 * @throws Error that completes a sentence about the package
 */
export function readDescription(text: string): PackageDescription {
  const json: unknown = JSON.parse(text)
  if (!isObject(json)) throw new Error('its package.json holds no object')
  const { name, version, ccr } = json
  if (typeof name !== 'string' || typeof version !== 'string') throw new Error('its package.json lacks name or version')
  if (!new RegExp(VERSION).test(version)) {
    throw new Error(`its package.json says ${JSON.stringify(version)}, which is no version such as 1.2.3`)
  }
  if (typeof ccr !== 'string') {
    throw new Error('its package.json names no manifest: "ccr" must be the path of one, such as ./dist/manifest.json')
  }
  return {
    name,
    version,
    manifest: insidePackage(ccr),
    entry: insidePackage(namedEntry(json) ?? 'index.js'),
    dependencies: textsOf(json['dependencies']),
    optionalDependencies: textsOf(json['optionalDependencies']),
    peerDependencies: textsOf(json['peerDependencies']),
    scripts: textsOf(json['scripts']),
  }
}

/** The entry file that a `package.json` names by `exports` or `main`, as it is written. */
export function namedEntry({ exports, main }: Readonly<Record<string, unknown>>): string | undefined {
  const target = conditionOf(isObject(exports) && '.' in exports ? exports['.'] : exports)
  return target ?? (typeof main === 'string' ? main : undefined)
}

function conditionOf(target: unknown): string | undefined {
  if (typeof target === 'string') return target
  if (!isObject(target)) return undefined
  for (const condition of ['node', 'import', 'require', 'default']) {
    const found = conditionOf(target[condition])
    if (found !== undefined) return found
  }
  return undefined
}

/** A path without `./` in front, which does not lead out of the package. */
function insidePackage(path: string): string {
  const plain = posix.normalize(path)
  if (posix.isAbsolute(plain) || plain.split('/').includes('..') || /[\\:\0]/.test(plain)) {
    throw new Error(`its package.json names ${JSON.stringify(path)}, which is not inside the package`)
  }
  return plain.replace(/^\.\//, '')
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
}
