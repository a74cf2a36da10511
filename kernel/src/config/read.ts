import { extname, join, resolve } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { checkKernelKeys } from './check.ts'
import { declaredKeys } from './declared-keys.ts'
import { interpolate, type Environment } from './interpolate.ts'
import type { LoadedConfig } from './loaded.ts'
import { merge, withoutNulls } from './plain-data.ts'
import { hasPointer } from './pointer.ts'
import { withExtends } from './presets/extends.ts'
import { KernelConfig } from './schema.ts'
import { readSource, type ConfigSource } from './source.ts'

/** Where a config is read from. */
export interface ConfigPlace {
  /** Folder of `config.json` and the optional `ccr.config.ts` that is merged over it. */
  readonly home: string
  /** Read instead of both. */
  readonly file?: string | undefined
  /** Files of the running config: that one of them is gone is an error. */
  readonly present?: readonly string[] | undefined
  /** Is given the absolute paths of the files that decide the result, existing or not, also when it is an error. */
  readonly inputs?: Set<string> | undefined
  /** Texts that are to stand in files, by absolute path: they are read in their place. */
  readonly drafts?: ReadonlyMap<string, string> | undefined
  readonly env: Environment
}

/**
 * Reads the config. No file means an empty config; nothing is ever written.
 *
 * @throws CcrError `CCR_CONFIG_READ`, `CCR_CONFIG_SYNTAX` or `CCR_CONFIG_SCHEMA`, whose `at` is the place at fault
 */
export async function readConfig({
  home,
  file,
  env,
  present,
  inputs = new Set(),
  drafts = new Map(),
}: ConfigPlace): Promise<LoadedConfig> {
  const read: Read = (path) => readSource(path, inputs, { draft: drafts.get(path), env })
  const sources =
    file === undefined ? await readHome(home, present ?? [], read) : [await readExplicit(resolve(file), read)]
  const code = sources.find((source) => extname(source.file) === '.ts')
  const merged = sources.reduce<Readonly<Record<string, unknown>>>((base, { value }) => merge(base, value), {})
  const { value, variables } = interpolate(merged, env)
  const sourceOf = (pointer: string): ConfigSource | undefined =>
    sources.findLast((source) => hasPointer(source.value, pointer)) ?? sources[0]
  const loaded: LoadedConfig = {
    home,
    files: sources.map((source) => source.file),
    value: declaredKeys(withoutEmptyTexts(withoutNulls(value as Readonly<Record<string, unknown>>))),
    written: merged,
    variables,
    locked: code === undefined ? [] : Object.keys(code.value),
    at: (pointer) => sourceOf(pointer)?.at(pointer) ?? join(home, 'config.json'),
    fileOf: (pointer) => sourceOf(pointer)?.file ?? join(home, 'config.json'),
  }
  checkKernelKeys(loaded)
  return withExtends(loaded, inputs)
}

/** An empty text counts as absent, because configuration editors leave one behind. */
function withoutEmptyTexts(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const isLeft = ([key, one]: [string, unknown]): boolean => one !== '' || !Object.hasOwn(KernelConfig.properties, key)
  return Object.fromEntries(Object.entries(value).filter(isLeft))
}

type Read = (file: string) => Promise<ConfigSource | undefined>

async function readHome(home: string, present: readonly string[], read: Read): Promise<readonly ConfigSource[]> {
  const files = [join(home, 'config.json'), join(home, 'ccr.config.ts')]
  const sources = await Promise.all(files.map(read))
  const gone = files.find((file, index) => sources[index] === undefined && present.includes(file))
  if (gone === undefined) return sources.filter((source) => source !== undefined)
  // A router that lost its keys and providers to a slip would be worse than one that waits.
  const remedy = 'Put it back, or restart the router to do without it.'
  const message = `${gone} was deleted; the running config stays in use. ${remedy}`
  throw new CcrError('CCR_CONFIG_READ', message, { at: gone })
}

async function readExplicit(file: string, read: Read): Promise<ConfigSource> {
  const source = await read(file)
  if (source !== undefined) return source
  throw new CcrError('CCR_CONFIG_READ', `${file} does not exist. Create it, or name another config file.`, { at: file })
}
