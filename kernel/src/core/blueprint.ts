import type { Plugin, Secret } from '@ccr/sdk'

/** One use of a plugin. */
export interface Entry {
  /** Unique in the blueprint. */
  readonly id: string
  readonly plugin: Plugin
  /** Hash of the plugin's code; the same code and options share an instance across generations. */
  readonly hash: string
  readonly options: unknown
  readonly before?: readonly string[] | undefined
  readonly after?: readonly string[] | undefined
  readonly timeoutMs?: number | undefined
  readonly onFailure?: 'fail' | 'skip' | undefined
  /** At a cold start it may be left out, visibly, when it cannot be activated. */
  readonly optional?: boolean | undefined
  /** Where the plugin's files are, for reports. */
  readonly file?: string | undefined
}

/** A configured provider. */
export interface ProviderBlueprint {
  readonly name: string
  readonly baseUrl: string
  readonly models: readonly string[]
  /** Name of a target dialect. */
  readonly dialect: string
  readonly secret: Secret | undefined
}

/** Everything a generation is built from. */
export interface Blueprint {
  readonly entries: readonly Entry[]
  readonly providers: readonly ProviderBlueprint[]
  /** Config sections by key; a plugin is given those it declared. */
  readonly sections: Readonly<Record<string, unknown>>
}
