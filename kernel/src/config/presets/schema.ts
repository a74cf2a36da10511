import { Type, type Static } from '@ccr/sdk/typebox'
import { PACKAGE_NAME } from '../../load/package.ts'

const closed = { additionalProperties: false } as const
const Text = Type.String({ maxLength: 4_000 })
const Id = Type.String({
  pattern: '^(?!__proto__$|constructor$|prototype$)[A-Za-z_][\\w.\\[\\]-]{0,63}$',
  title: 'a name of up to 64 letters, digits, "_", "-", "." and "[ ]"',
})
const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean()], { title: 'text, a number, true or false' })

const Option = Type.Object(
  {
    label: Text,
    value: Scalar,
    description: Type.Optional(Text),
    disabled: Type.Optional(Type.Boolean()),
    icon: Type.Optional(Text),
  },
  closed,
)

const Options = Type.Union(
  [
    Type.Array(Option, { maxItems: 500 }),
    Type.Object({ type: Type.Literal('static'), options: Type.Array(Option, { maxItems: 500 }) }, closed),
    Type.Object({ type: Type.Literal('providers') }, closed),
    Type.Object({ type: Type.Literal('models'), providerField: Text }, closed),
    Type.Object({ type: Type.Literal('custom') }, closed),
  ],
  { title: 'a list of { label, value }, or { type } of static, providers, models or custom' },
)

/** The comparisons of a condition. */
const OPERATORS = ['eq', 'ne', 'in', 'nin', 'gt', 'lt', 'gte', 'lte', 'exists'] as const

const Condition = Type.Object(
  {
    field: Id,
    operator: Type.Optional(Type.Enum([...OPERATORS], { title: `one of ${OPERATORS.join(', ')}` })),
    value: Type.Optional(Type.Unknown()),
  },
  closed,
)
const Conditions = Type.Union([Condition, Type.Array(Condition, { maxItems: 50 })], {
  title: 'a condition or a list of them',
})

/** The kinds of inputs. */
const INPUT_TYPES = ['password', 'input', 'select', 'multiselect', 'confirm', 'editor', 'number'] as const

const Input = Type.Object(
  {
    id: Id,
    type: Type.Optional(Type.Enum([...INPUT_TYPES], { title: `one of ${INPUT_TYPES.join(', ')}` })),
    label: Type.Optional(Text),
    prompt: Type.Optional(Text),
    placeholder: Type.Optional(Text),
    options: Type.Optional(Options),
    when: Type.Optional(Conditions),
    defaultValue: Type.Optional(Type.Union([Scalar, Type.Array(Type.String())])),
    required: Type.Optional(Type.Boolean()),
    validator: Type.Optional(Type.String({ maxLength: 500 })),
    min: Type.Optional(Type.Number()),
    max: Type.Optional(Type.Number()),
    rows: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    dependsOn: Type.Optional(Type.Array(Id, { maxItems: 50 })),
  },
  closed,
)

const Mapping = Type.Object(
  { target: Type.String({ maxLength: 200 }), value: Type.Unknown(), when: Type.Optional(Conditions) },
  closed,
)

const PluginPin = Type.Object(
  {
    name: Type.String({
      pattern: PACKAGE_NAME,
      maxLength: 214,
      title: 'the name of a package',
    }),
    version: Type.String({
      pattern: '^\\d+\\.\\d+\\.\\d+(?:-[\\w.-]+)?(?:\\+[\\w.-]+)?$',
      title: 'an exact version',
    }),
    integrity: Type.String({ pattern: '^sha512-[A-Za-z0-9+/]{86}==$', title: 'sha512- and a hash in base64' }),
  },
  closed,
)

/** A plugin that a preset needs. */
export type PluginPin = Static<typeof PluginPin>

/** What a manifest says of itself. */
const METADATA = {
  schemaVersion: Type.Optional(Type.Integer({ minimum: 1 })),
  name: Type.String({ minLength: 1, maxLength: 64 }),
  version: Type.String({ minLength: 1, maxLength: 64 }),
  description: Type.Optional(Text),
  author: Type.Optional(Text),
  homepage: Type.Optional(Text),
  repository: Type.Optional(Text),
  license: Type.Optional(Text),
  keywords: Type.Optional(Type.Array(Text, { maxItems: 50 })),
  ccrVersion: Type.Optional(Text),
  source: Type.Optional(Text),
  sourceType: Type.Optional(Text),
  checksum: Type.Optional(Text),
}

const Section = Type.Record(Type.String(), Type.Unknown())

/** The keys of a manifest that are not config sections of plugins. */
export const PresetManifest = Type.Object({
  ...METADATA,
  schema: Type.Optional(Type.Array(Input, { maxItems: 100 })),
  template: Type.Optional(Section),
  configMappings: Type.Optional(Type.Array(Mapping, { maxItems: 200 })),
  plugins: Type.Optional(Type.Array(PluginPin, { maxItems: 50 })),
  Providers: Type.Optional(Type.Array(Section, { maxItems: 200 })),
  Router: Type.Optional(Section),
  NON_INTERACTIVE_MODE: Type.Optional(Type.Boolean()),
  API_TIMEOUT_MS: Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.String()])),
})
export type PresetManifest = Static<typeof PresetManifest> & Readonly<Record<string, unknown>>

/** One question of a preset. */
export type PresetInput = NonNullable<PresetManifest['schema']>[number]

/** Conditions of an input or a mapping. */
export type PresetConditions = NonNullable<PresetInput['when']>

/** One thing to choose from. */
export type PresetOption = Static<typeof Option>

/** Keys of a manifest that are not part of the config it stands for. */
export const MANIFEST_KEYS: readonly string[] = [
  ...Object.keys(METADATA),
  ...['schema', 'template', 'configMappings', 'plugins'],
]

/** Keys of the kernel that a preset may set: where models are, and the client that is run with it. */
export const CLIENT_KEYS: readonly string[] = ['NON_INTERACTIVE_MODE', 'API_TIMEOUT_MS']
