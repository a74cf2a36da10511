import type { Plugin } from '@ccr/sdk'
import type { TSchema } from 'typebox'
import type { Manifest } from '../load/manifest.ts'

/** What the config needs to know of an installed plugin. */
export interface InstalledPlugin {
  readonly name: string
  /** Loaded from a `file:` entry, so it is in use. */
  readonly fromFile: boolean
  readonly transformers: readonly {
    readonly name: string
    readonly aliases?: readonly string[] | undefined
    readonly dialect?: string | undefined
  }[]
  /** The dialects it registers; nothing when only running it would tell. */
  readonly dialects: readonly string[] | undefined
  /** Schemas of the config sections that it reads, by key. */
  readonly sections: Readonly<Record<string, TSchema>>
}

/** An installed plugin, from its manifest. */
export function fromManifest({ name, transformers, dialects, sections }: Manifest): InstalledPlugin {
  return { name, fromFile: false, transformers, dialects, sections }
}

/** A plugin of a `file:` entry, from its loaded code. */
export function fromPlugin({ name, transformers, config }: Plugin): InstalledPlugin {
  return { name, fromFile: true, transformers, dialects: undefined, sections: config.properties }
}
