import type { Exchange, Placement, Plugin, Provider, Secret, Target } from '@ccr/sdk'

/** When an entry's handlers run. Before there is a target, only what is known of the exchange counts. */
export interface Condition {
  readonly target?: ((target: Target) => boolean) | undefined
  readonly exchange?: ((exchange: Exchange) => boolean) | undefined
}

/** One use of a plugin. */
export interface Entry extends Placement {
  /** Unique in the blueprint. */
  readonly id: string
  readonly plugin: Plugin
  /** Hash of the plugin's code; the same code and options share an instance across generations. */
  readonly hash: string
  readonly options: unknown
  /** Where the config says an option, by its JSON pointer: `file:line:column`. */
  readonly optionsAt?: ((pointer: string) => string) | undefined
  readonly when?: Condition | undefined
  /** The provider whose `transformer` it stands for: it may use the key of this one. */
  readonly provider?: string | undefined
  /** It is left out, visibly, when it cannot be activated. */
  readonly optional?: boolean | undefined
  /** Where the plugin's files are, for reports. */
  readonly file?: string | undefined
  /** Files and folders of its code, absolute, in which the place of a fault is looked for. */
  readonly paths?: readonly string[] | undefined
  /** The capabilities that the user has consented to; those that the plugin declares unless given. */
  readonly granted?: readonly string[] | undefined
  /** What loading its code took; the third part of an activation is measured where it happens. */
  readonly loading?: { readonly bundleMs: number; readonly evaluateMs: number } | undefined
}

/** A configured provider. */
export interface ProviderBlueprint extends Omit<Provider, 'local'> {
  readonly baseUrl: string
  readonly secret: Secret | undefined
  /** Ids of optional entries without which it is left out too. */
  readonly needs?: readonly string[] | undefined
  /** Requests go out with the client's own credentials; there is no secret then. */
  readonly clientCredentials?: boolean | undefined
  /** Its models that are not as it is, by name; nothing in the place of one that is left out. */
  readonly ofModels?: ReadonlyMap<string, ModelBlueprint | undefined> | undefined
}

/** What a model has in the place of what its provider has. */
export type ModelBlueprint = Partial<Pick<ProviderBlueprint, 'dialect' | 'dialectOptions' | 'needs'>>

/** What one profile is built from. */
export interface ProfileBlueprint {
  readonly entries: readonly Entry[]
  readonly providers: readonly ProviderBlueprint[]
  /** Config sections by key; a plugin is given those it declared. */
  readonly sections: Readonly<Record<string, unknown>>
}

/** Everything a generation is built from: the default profile, whose entries of scope `host` serve all, and others. */
export interface Blueprint extends ProfileBlueprint {
  readonly profiles?: Readonly<Record<string, ProfileBlueprint>> | undefined
}
