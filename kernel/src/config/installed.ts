import type { Plugin } from '@ccr/sdk'
import type { TSchema } from '@ccr/sdk/typebox'
import type { EntryConfig } from '../load/entries.ts'
import type { Manifest } from '../load/manifest.ts'

/** What the config needs to know of an installed plugin. */
export interface InstalledPlugin {
  readonly name: string
  /** How an entry names it. */
  readonly use: string
  /** Absolute path of its file, for a `file:` plugin. */
  readonly file: string | undefined
  /** Schema of its options. */
  readonly options: TSchema
  /** Loaded from a `file:` entry, so it is in use. */
  readonly fromFile: boolean
  /** It makes plugins of other code, and is in use without an entry. */
  readonly adapts?: boolean | undefined
  /** What every use of it has beside its own options. */
  readonly common?: Readonly<Record<string, unknown>> | undefined
  readonly transformers: readonly {
    readonly name: string
    readonly aliases?: readonly string[] | undefined
    readonly dialect?: string | undefined
    readonly options?: TSchema | undefined
  }[]
  /** The dialects it registers; nothing when only running it would tell. */
  readonly dialects: readonly string[] | undefined
  /** Schemas of the config sections that it reads, by key. */
  readonly sections: Readonly<Record<string, TSchema>>
}

/** An installed plugin, from its manifest. */
export function fromManifest(manifest: Manifest): InstalledPlugin {
  const { name, transformers, dialects, sections, optionsSchema, adapts } = manifest
  const options = optionsSchema as TSchema
  return { name, use: name, file: undefined, fromFile: false, adapts, options, transformers, dialects, sections }
}

/** A plugin of a `file:` entry, from its loaded code. */
export function fromPlugin(
  { name, transformers, config, options }: Plugin,
  use: string,
  file: string,
): InstalledPlugin {
  const sections = config.properties
  return { name, use, file, fromFile: true, options, transformers, dialects: undefined, sections }
}

/** Gives whether a plugin is in use: an entry names it, or it adapts other code and no entry switches it off. */
export function usedBy(entries: readonly EntryConfig[]): (plugin: InstalledPlugin) => boolean {
  const named = new Set(entries.filter(({ enabled }) => enabled).map(({ use }) => use))
  const isOff = switchedOff(entries)
  return ({ name, fromFile, adapts }) => fromFile || named.has(name) || (adapts === true && !isOff(name))
}

/** Gives whether the entries of a plugin are all switched off, and there is one. */
export function switchedOff(entries: readonly EntryConfig[]): (name: string) => boolean {
  return (name) => {
    const own = entries.filter(({ use }) => use === name)
    return own.length > 0 && own.every(({ enabled }) => !enabled)
  }
}
