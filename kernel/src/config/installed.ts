import type { Plugin } from '@ccr/sdk'
import type { TSchema } from '@ccr/sdk/typebox'
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
export function fromManifest({ name, transformers, dialects, sections, optionsSchema }: Manifest): InstalledPlugin {
  const options = optionsSchema as TSchema
  return { name, use: name, file: undefined, fromFile: false, options, transformers, dialects, sections }
}

/** A plugin of a `file:` entry, from its loaded code. */
export function fromPlugin(
  { name, transformers, config, options }: Plugin,
  use: string,
  file: string,
): InstalledPlugin {
  return { name, use, file, fromFile: true, options, transformers, dialects: undefined, sections: config.properties }
}
