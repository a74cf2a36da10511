import { CcrError, messageOf } from '@ccr/sdk'
import semver from 'semver'
import { Value } from '@ccr/sdk/typebox'
import { findBuiltins, PACKAGE_PREFIX, type Builtin } from '../load/builtin.ts'
import { isInjected } from '../load/dependencies.ts'
import { Manifest } from '../load/manifest.ts'
import type { LockEntry } from '../load/lock.ts'
import { PLUGIN_NAME, readDescription, type PackageDescription } from '../load/package.ts'
import { API_VERSION } from '../load/plugin-shape.ts'
import { integrityOf, readArchive, type PackageFiles } from './archive.ts'
import type { Fetched, RegistryFacts } from './fetch.ts'
import { checkPackageName, lookAlike } from './source.ts'

/** A plugin that could be installed, known without running any of it. */
export interface Candidate {
  readonly package: PackageDescription
  readonly manifest: Manifest
  readonly files: PackageFiles
  readonly integrity: string
  readonly resolved: string
  readonly registry: RegistryFacts | undefined
  /** Bytes of all files. */
  readonly size: number
  /** Names of scripts that npm would run when it installs a package; here none is. */
  readonly scripts: readonly string[]
  /** What it would bring along: range by name, without what the router gives to plugins itself. */
  readonly dependencies: Readonly<Record<string, string>>
}

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare']

/**
 * Looks into a fetched archive, statically.
 *
 * @param sdkVersion of the SDK that this router gives to plugins
 * @throws CcrError `CCR_INSTALL_PACKAGE`, or `CCR_PLUGIN_API` when it was written for another plugin API
 */
export function inspectArchive({ bytes, resolved, registry }: Fetched, sdkVersion: string): Candidate {
  const files = readArchive(bytes)
  const description = describe(files)
  checkPackageName(description.name)
  const manifest = readManifest(files, description)
  checkSdk(description, sdkVersion)
  const { scripts } = description
  return {
    package: description,
    manifest,
    files,
    integrity: integrityOf(bytes),
    resolved,
    registry,
    size: [...files.values()].reduce((sum, { length }) => sum + length, 0),
    scripts: INSTALL_SCRIPTS.filter((name) => Object.hasOwn(scripts, name)),
    dependencies: wantedDependencies(files, description),
  }
}

/**
 * Refuses a candidate whose name belongs to another plugin, or could be mistaken for one.
 *
 * @param pins what is installed
 * @throws CcrError `CCR_INSTALL_PACKAGE`
 */
export async function checkNames(
  { package: { name }, manifest }: Candidate,
  pins: readonly LockEntry[],
  allowLookAlike: boolean,
): Promise<void> {
  const builtins = await findBuiltins()
  const bundled = builtins.flatMap((one) => [one.name, one.packageName])
  const taken = [name, manifest.name].find((one) => bundled.includes(one))
  if (taken !== undefined || name.startsWith(PACKAGE_PREFIX)) {
    throw refused(name, `${taken ?? name} is the name of a plugin that comes with the router`)
  }
  const others = pins.filter((pin) => pin.name !== name)
  const owner = others.find((pin) => [pin.plugin, pin.name].some((one) => one === manifest.name || one === name))
  if (owner !== undefined) throw refused(name, `its name is used by the plugin of ${owner.name}; remove that first`)
  if (allowLookAlike) return
  checkTransformers(name, manifest, builtins)
  const known = [...bundled, ...others.flatMap((pin) => [pin.name, pin.plugin])]
  for (const one of new Set([name, manifest.name])) {
    const like = lookAlike(one, known)
    if (like === undefined) continue
    throw refused(one, `it can be mistaken for ${like}; if it is what you want, add --allow-look-alike`)
  }
}

/** The name of a transformer is found in chains of providers, where the plugin that was added last would win. */
function checkTransformers(name: string, { transformers }: Manifest, builtins: readonly Builtin[]): void {
  for (const transformer of namesIn(transformers)) {
    const owner = builtins.find(({ manifest }) =>
      namesIn(manifest.transformers).some((one) => one.toLowerCase() === transformer.toLowerCase()),
    )
    if (owner === undefined) continue
    const fact = `its transformer ${transformer} would take the place of that of ${owner.name}`
    throw refused(name, `${fact}; if that is what you want, add --allow-look-alike`)
  }
}

function namesIn(transformers: Manifest['transformers']): readonly string[] {
  return transformers.flatMap(({ name, aliases = [] }) => [name, ...aliases])
}

function describe(files: PackageFiles): PackageDescription {
  const text = files.get('package.json')?.toString('utf8')
  if (text === undefined) throw refused('the package', 'it has no package.json')
  try {
    return readDescription(text)
  } catch (thrown) {
    throw refused('the package', messageOf(thrown))
  }
}

function readManifest(files: PackageFiles, { name, manifest: path, entry }: PackageDescription): Manifest {
  const text = files.get(path)?.toString('utf8')
  if (text === undefined) throw refused(name, `its manifest ${path} is not in it`)
  if (!files.has(entry)) throw refused(name, `its entry file ${entry} is not in it`)
  let manifest: unknown
  try {
    manifest = JSON.parse(text)
  } catch (thrown) {
    throw refused(name, `its manifest ${path} cannot be read: ${messageOf(thrown)}`)
  }
  const { apiVersion } = Object(manifest) as { readonly apiVersion?: unknown }
  if (apiVersion !== undefined && apiVersion !== API_VERSION) {
    const fact = `was written for API version ${JSON.stringify(apiVersion)}, and this router speaks ${API_VERSION}`
    throw new CcrError('CCR_PLUGIN_API', `${name} ${fact}. Install a version of it that fits.`)
  }
  if (!Value.Check(Manifest, manifest)) {
    throw refused(name, `its manifest ${path} does not have the form of one; it has to be built with a current SDK`)
  }
  if (new RegExp(PLUGIN_NAME).test(manifest.name)) return manifest
  throw refused(name, `its manifest names the plugin ${JSON.stringify(manifest.name)}, which is no plugin's name`)
}

/** The SDK is given by the router; npm never looks it up. */
function checkSdk({ name, peerDependencies }: PackageDescription, sdkVersion: string): void {
  const range = peerDependencies['@ccr/sdk']
  if (range === undefined || range.startsWith('workspace:')) return
  if (semver.satisfies(sdkVersion, range, { includePrerelease: true })) return
  const fact = `needs @ccr/sdk ${range}, and this router gives it ${sdkVersion}`
  throw new CcrError('CCR_PLUGIN_API', `${name} ${fact}. Install a version of it that fits.`)
}

function wantedDependencies(files: PackageFiles, description: PackageDescription): Readonly<Record<string, string>> {
  const { name, dependencies, optionalDependencies } = description
  const wanted = Object.entries({ ...dependencies, ...optionalDependencies }).filter(([one]) => !isInjected(one))
  for (const [one, range] of wanted) {
    checkPackageName(one)
    const isTag = /^[A-Za-z][\w.-]*$/.test(range)
    if (isTag || semver.validRange(range) !== null) continue
    throw refused(name, `it depends on ${one} by ${JSON.stringify(range)}, and only versions of a registry are taken`)
  }
  const bundled = wanted.filter(([one]) => files.has(`node_modules/${one}/package.json`))
  if (bundled.length === wanted.length) return {}
  if (bundled.length > 0) throw refused(name, 'it brings some of its dependencies along, and not the others')
  return Object.fromEntries(wanted)
}

function refused(what: string, fact: string): CcrError {
  return new CcrError('CCR_INSTALL_PACKAGE', `${what} cannot be installed: ${fact}.`)
}
