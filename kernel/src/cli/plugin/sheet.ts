import { withoutControls } from '../../config/presets/shown-text.ts'
import type { Candidate } from '../../install/inspect.ts'
import type { LockEntry } from '../../load/lock.ts'
import type { Manifest } from '../../load/manifest.ts'

/** What is to be known of a plugin before it is used; the members of `--json`. */
export interface PluginSheet {
  readonly name: string
  readonly plugin: string
  readonly version: string
  readonly description: string
  readonly from: string
  readonly integrity?: string | undefined
  /** ISO 8601. */
  readonly published?: string | undefined
  readonly maintainers?: readonly string[] | undefined
  readonly deprecated?: string | undefined
  /** Bytes of all files of the package. */
  readonly size?: number | undefined
  readonly files?: number | undefined
  readonly hooks: readonly string[]
  readonly capabilities: readonly string[]
  readonly provides: readonly string[]
  readonly requires: readonly string[]
  readonly endpoints: readonly string[]
  /** It makes plugins of code that is none. */
  readonly adapts: boolean
  /** Wire protocols; whoever speaks one to a provider is given its key. */
  readonly dialects: readonly string[]
  readonly dependencies?: Readonly<Record<string, string>> | undefined
  /** Scripts that will not be run. */
  readonly scripts?: readonly string[] | undefined
}

/** What a fetched plugin says of itself. */
export function sheetOf(candidate: Candidate): PluginSheet {
  const { package: description, manifest, registry } = candidate
  const published = registry?.publishedAt
  return {
    ...factsIn(manifest),
    name: description.name,
    version: description.version,
    from: candidate.resolved,
    integrity: candidate.integrity,
    published: published === undefined ? undefined : new Date(published).toISOString(),
    maintainers: registry?.maintainers,
    deprecated: registry?.deprecated,
    size: candidate.size,
    files: candidate.files.size,
    dependencies: candidate.dependencies,
    scripts: candidate.scripts,
  }
}

/** What an installed plugin says of itself; of one that was added also what the lock says. */
export function installedSheet(name: string, manifest: Manifest, from: string, pin?: LockEntry): PluginSheet {
  return { ...factsIn(manifest), name, version: pin?.version ?? manifest.version, from, integrity: pin?.integrity }
}

/** The same for people, a line for each fact. */
export function describeSheet(sheet: PluginSheet, now: number): readonly string[] {
  const { name, version, plugin, published, maintainers = [], size, files, dependencies = {}, scripts = [] } = sheet
  const rows: readonly (readonly [string, string])[] = [
    ['from', sheet.from],
    ['integrity', sheet.integrity ?? ''],
    ['published', published === undefined ? '' : `${ageOf(published, now)}${by(maintainers)}`],
    ['deprecated', sheet.deprecated ?? ''],
    ['size', size === undefined ? '' : `${sizeOf(size)} in ${files === 1 ? 'one file' : `${files} files`}`],
    ['hooks', sheet.hooks.join(', ') || 'none'],
    ['capabilities', sheet.capabilities.join(', ') || 'none'],
    ['provides', sheet.provides.join(', ')],
    ['requires', sheet.requires.join(', ')],
    ['endpoints', sheet.endpoints.join(', ')],
    ['dialects', sheet.dialects.join(', ')],
    ['adapts', sheet.adapts ? 'files of code that is no plugin' : ''],
    ['dependencies', listed(dependencies)],
    ['scripts', scripts.length === 0 ? '' : `${scripts.join(', ')}: not run`],
  ]
  return [
    `${name} ${version} (plugin ${plugin})`,
    ...(sheet.description === '' ? [] : [`  ${sheet.description}`]),
    ...rows.filter(([, value]) => value !== '').map(([label, value]) => `  ${label.padEnd(13)} ${value}`),
  ].map(withoutControls)
}

/** What a newer version asks for that the present one does not, and the other way round. */
export interface Difference {
  readonly lines: readonly string[]
  /** It takes part in more, or may reach more, than was agreed to. */
  readonly grows: boolean
}

/** Compares what was agreed to with what a version asks for. */
export function differenceOf(pin: LockEntry, before: readonly string[], candidate: Candidate): Difference {
  const { manifest } = candidate
  const lists: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['hooks', pin.hooks, manifest.hooks],
    ['capabilities', pin.capabilities, manifest.capabilities],
    ['dependencies', before, Object.keys(candidate.dependencies)],
  ]
  const lines = lists.flatMap(([label, old, now]) => {
    const more = now.filter((one) => !old.includes(one)).map((one) => `+ ${one}`)
    const less = old.filter((one) => !now.includes(one)).map((one) => `- ${one}`)
    return more.length + less.length === 0 ? [] : [`  ${label.padEnd(13)} ${[...more, ...less].join(', ')}`]
  })
  const grows = lists.some(([, old, now]) => now.some((one) => !old.includes(one)))
  return { lines: lines.length === 0 ? ['  it asks for the same as before'] : lines.map(withoutControls), grows }
}

function factsIn(manifest: Manifest) {
  const { name, description, hooks, capabilities, provides, requires, endpoints, dialects, adapts } = manifest
  return {
    plugin: name,
    description,
    hooks,
    capabilities,
    provides,
    requires,
    endpoints: endpoints.map(({ method, path }) => `${method} ${path}`),
    dialects,
    adapts: adapts === true,
  }
}

function listed(dependencies: Readonly<Record<string, string>>): string {
  return Object.entries(dependencies)
    .map(([name, range]) => `${name} ${range}`)
    .join(', ')
}

function by(maintainers: readonly string[]): string {
  return maintainers.length === 0 ? '' : ` by ${maintainers.slice(0, 5).join(', ')}`
}

function ageOf(published: string, now: number): string {
  const days = Math.floor((now - Date.parse(published)) / 86_400_000)
  return days < 1 ? 'today' : days === 1 ? 'yesterday' : `${days} days ago`
}

function sizeOf(bytes: number): string {
  return bytes < 1_000
    ? `${bytes} bytes`
    : bytes < 1e6
      ? `${(bytes / 1e3).toFixed(1)} kB`
      : `${(bytes / 1e6).toFixed(1)} MB`
}
