import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { CcrError, type CodeFile } from '@ccr/sdk'
import type { EntryConfig, EntryFailure } from '../load/entries.ts'
import { loadCodeFile } from '../load/evaluate.ts'
import { configFault } from './check.ts'
import { usedBy, type InstalledPlugin } from './installed.ts'
import { joinPointer } from './pointer.ts'
import type { LoadedConfig } from './loaded.ts'
import { publicConfig } from './public-config.ts'

/** The sections of a profile, those that name code with what it exports in their place. */
export interface CodeSections {
  readonly sections: Readonly<Record<string, unknown>>
  readonly failures: readonly EntryFailure[]
  /** Absolute paths for a watcher. */
  readonly inputs: readonly string[]
  /** What tells one state of the code from another. */
  readonly hashes: readonly string[]
}

/** What the sections are read with. */
export interface CodeSectionOptions {
  readonly loaded: LoadedConfig
  readonly installed: readonly InstalledPlugin[]
  readonly entries: readonly EntryConfig[]
  /** JSON pointers of the texts that name a provider and a model. */
  readonly routes: readonly string[]
  /** `false` runs none of it: the sections are left out. */
  readonly thirdParty: boolean
}

/** Loads the files that sections of the plugins in use name as code; of a faulty one there is but its error. */
export async function loadCodeSections(
  sections: Readonly<Record<string, unknown>>,
  { loaded, installed, entries, routes, thirdParty }: CodeSectionOptions,
): Promise<CodeSections> {
  const result = {
    sections: { ...sections },
    failures: [] as EntryFailure[],
    inputs: [] as string[],
    hashes: [] as string[],
  }
  for (const [key, { plugin, exports }] of codeKeys(installed, entries)) {
    const path = sections[key]
    if (path === undefined) continue
    const pointer = joinPointer('', key)
    if (typeof path !== 'string') throw configFault(loaded, { pointer, fact: 'must be the path of a file' })
    delete result.sections[key]
    if (path.trim() === '' || !thirdParty) continue
    const file = pathInConfig(path, loaded.fileOf(pointer))
    const loading = checkExport(await loadCodeFile(file), file, exports)
    result.inputs.push(...loading.inputs)
    if ('error' in loading) result.failures.push({ id: key, use: plugin, error: loading.error })
    const code = 'error' in loading ? faulty(file, loading.error) : loading.code
    const { Providers: _, ...own } = sections
    const config = publicConfig({ ...loaded, value: { ...loaded.value, ...own } }, routes)
    result.sections[key] = { ...code, config } satisfies CodeFile
    result.hashes.push(code.hash)
  }
  return result
}

/** The file that a config file means by a path. */
export function pathInConfig(path: string, configFile: string): string {
  return resolve(dirname(configFile), path.trim().replace(/^~(?=[\\/])/, homedir()))
}

type Loading = Awaited<ReturnType<typeof loadCodeFile>>

function checkExport(loading: Loading, file: string, exports: unknown): Loading {
  if ('error' in loading || exports === undefined || typeof loading.code.exported === exports) return loading
  const message = `${file} exports no ${exports}. Make it the default export, or module.exports.`
  return { error: new CcrError('CCR_PLUGIN_LOAD', message, { at: file }), inputs: loading.inputs }
}

function faulty(file: string, { message: fault }: CcrError): Omit<CodeFile, 'config'> {
  return { file, hash: fault, exported: undefined, fault, placeOf: () => undefined }
}

/** Whether the config names code, which may read any key of it. */
export function namesCode(
  { value }: LoadedConfig,
  installed: readonly InstalledPlugin[],
  entries: readonly EntryConfig[],
): boolean {
  return [...codeKeys(installed, entries).keys()].some(
    (key) => typeof value[key] === 'string' && value[key].trim() !== '',
  )
}

interface CodeKey {
  /** A plugin in use that reads it. */
  readonly plugin: string
  /** The type that the code must export. */
  readonly exports: unknown
}

/** The sections that name code. */
function codeKeys(
  installed: readonly InstalledPlugin[],
  entries: readonly EntryConfig[],
): ReadonlyMap<string, CodeKey> {
  const keys = new Map<string, CodeKey>()
  for (const { name, sections } of installed.filter(usedBy(entries))) {
    for (const [key, schema] of Object.entries(sections)) {
      const { codeFile, exports } = schema as { readonly codeFile?: unknown; readonly exports?: unknown }
      if (codeFile === true) keys.set(key, { plugin: name, exports })
    }
  }
  return keys
}
