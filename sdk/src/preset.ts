/** A value that a user gives when a preset is installed. */
export type PresetValue = string | number | boolean | readonly string[]

/** One thing to choose from. */
export interface PresetOption {
  readonly label: string
  readonly value: string | number | boolean
  readonly description?: string | undefined
  readonly disabled?: boolean | undefined
}

/** What a `select` or `multiselect` offers: a list, or names that the preset itself holds. */
export type PresetOptions =
  | readonly PresetOption[]
  | { readonly type: 'static'; readonly options: readonly PresetOption[] }
  /** The names of the preset's providers. */
  | { readonly type: 'providers' }
  /** The models of the provider that another field names. */
  | { readonly type: 'models'; readonly providerField: string }

/** When something applies: the value of a field, compared strictly; `exists` = given and not null. */
export interface PresetCondition {
  readonly field: string
  /** `eq` unless given. */
  readonly operator?: 'eq' | 'ne' | 'in' | 'nin' | 'gt' | 'lt' | 'gte' | 'lte' | 'exists' | undefined
  readonly value?: unknown
}

/** One condition, or several that must all hold. */
export type PresetConditions = PresetCondition | readonly PresetCondition[]

/** One question that is asked when a preset is installed. */
export interface PresetInput {
  /** The name under which templates use the answer, as `#{id}` or `{{id}}`. */
  readonly id: string
  /** `input` unless given. A `password` is never shown and never exported. */
  readonly type?: 'password' | 'input' | 'select' | 'multiselect' | 'confirm' | 'editor' | 'number' | undefined
  readonly label?: string | undefined
  readonly prompt?: string | undefined
  readonly placeholder?: string | undefined
  readonly options?: PresetOptions | undefined
  /** It is asked only then. */
  readonly when?: PresetConditions | undefined
  readonly defaultValue?: PresetValue | undefined
  /** `true` unless given. */
  readonly required?: boolean | undefined
  /** A regular expression that the whole answer matches. */
  readonly validator?: string | undefined
  /** Smallest answer of a `number`. */
  readonly min?: number | undefined
  /** Largest answer of a `number`. */
  readonly max?: number | undefined
  /** Height of an `editor`, in lines. */
  readonly rows?: number | undefined
  /** Fields that are asked before this one. */
  readonly dependsOn?: readonly string[] | undefined
}

/** Writes a value to a place of the configuration. */
export interface PresetMapping {
  /** Such as `Providers[0].api_key`. */
  readonly target: string
  /** A whole `#{id}` or `{{id}}` keeps the type of the answer. */
  readonly value: unknown
  readonly when?: PresetConditions | undefined
}

/** A plugin that a preset needs; it is installed only with its own consent. */
export interface PresetPlugin {
  /** The name of its package. */
  readonly name: string
  /** Exactly this version. */
  readonly version: string
  /** Subresource integrity of its tarball, `sha512-…`. */
  readonly integrity: string
}

/** A provider as a config file writes it; a key is a placeholder, never a value. */
export interface PresetProvider {
  readonly name: string
  readonly api_base_url: string
  readonly api_key?: string | undefined
  readonly models?: readonly string[] | undefined
  readonly [field: string]: unknown
}

/**
 * The manifest of a preset: data only, no code, no paths, no keys. Every field that is not named here is a config
 * section of a plugin.
 */
export interface PresetManifest {
  /** Lower-case words joined by `-`; the preset is served under `/preset/<name>`. */
  readonly name: string
  /** Semantic version. */
  readonly version: string
  /** Version of this format; 1 unless given. */
  readonly schemaVersion?: number | undefined
  readonly description?: string | undefined
  readonly author?: string | undefined
  readonly homepage?: string | undefined
  readonly repository?: string | undefined
  readonly license?: string | undefined
  readonly keywords?: readonly string[] | undefined
  /** What is asked when it is installed. */
  readonly schema?: readonly PresetInput[] | undefined
  /** Configuration with placeholders, used in the place of the manifest's own once questions were answered. */
  readonly template?: Readonly<Record<string, unknown>> | undefined
  /** Applied in order after the template. */
  readonly configMappings?: readonly PresetMapping[] | undefined
  readonly plugins?: readonly PresetPlugin[] | undefined
  readonly Providers?: readonly PresetProvider[] | undefined
  readonly Router?: Readonly<Record<string, unknown>> | undefined
  readonly [section: string]: unknown
}

/**
 * Gives the manifest back as it is, so that an editor completes and checks it.
 *
 * @example
 * export default definePreset({
 *   name: 'team', version: '1.0.0',
 *   schema: [{ id: 'key', type: 'password', label: 'API key' }],
 *   Providers: [{ name: 'ours', api_base_url: 'https://llm.example.com/v1', api_key: '#{key}', models: ['large'] }],
 *   Router: { default: 'ours,large' },
 * })
 */
export function definePreset<const Manifest extends PresetManifest>(manifest: Manifest): Manifest {
  return manifest
}
