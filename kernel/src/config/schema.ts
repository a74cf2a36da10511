import { Type, type Static, type TProperties } from '@ccr/sdk/typebox'
import { Limits, Timeouts } from '@ccr/sdk/kernel'

/** Levels of the server log, loudest first. */
const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number]

const ProxyUrl = Type.String({ pattern: '^https?://[^\\s]+$', title: 'an http:// or https:// URL' })

const PRESET_NAME = '^[A-Za-z0-9][A-Za-z0-9._-]*$'

/** Any part of the members of a closed object. */
function part<Properties extends TProperties>(properties: Properties, description: string) {
  return Type.Object(Type.Partial(Type.Object(properties)).properties, { additionalProperties: false, description })
}

/** The top-level keys that the kernel reads. Every other key belongs to the plugin that declares it. */
export const KernelConfig = Type.Object({
  PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 3456,
      description: 'Port that the router listens on; 0 takes a free one.',
    }),
  ),
  HOST: Type.Optional(
    Type.String({
      minLength: 1,
      default: '127.0.0.1',
      description: 'Address that the router listens on. Beyond loopback it needs an `APIKEY` of 24 characters or more.',
    }),
  ),
  APIKEY: Type.Optional(
    Type.String({ description: 'Key that clients send. Empty or absent: none is asked for, on loopback only.' }),
  ),
  ALLOWED_HOSTS: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Names under which clients may reach the router, beside those of loopback.',
    }),
  ),
  HTTPS_PROXY: Type.Optional(
    Type.String({ ...ProxyUrl, description: 'Proxy for upstream requests; the first of the four that is set counts.' }),
  ),
  https_proxy: Type.Optional(Type.String({ ...ProxyUrl, description: 'The same as `HTTPS_PROXY`.' })),
  httpsProxy: Type.Optional(Type.String({ ...ProxyUrl, description: 'The same as `HTTPS_PROXY`.' })),
  PROXY_URL: Type.Optional(Type.String({ ...ProxyUrl, description: 'The same as `HTTPS_PROXY`.' })),
  LOG: Type.Optional(Type.Boolean({ default: true, description: 'Writes log files.' })),
  LOG_LEVEL: Type.Optional(
    Type.Union(
      LOG_LEVELS.map((level) => Type.Literal(level)),
      { default: 'info', description: 'Least important level that the server log keeps.' },
    ),
  ),
  routeHeaders: Type.Optional(
    Type.Boolean({
      default: true,
      description: 'Says in `x-ccr-provider`, `x-ccr-model` and `x-ccr-route` of each answer who gave it and why.',
    }),
  ),
  API_TIMEOUT_MS: Type.Optional(
    Type.Integer({
      minimum: 0,
      default: 600_000,
      description:
        'Milliseconds that the client of `ccr code` waits; unset or 0, its environment variable comes first.',
    }),
  ),
  ContextWindow: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'Tokens to which the client of `ccr code` lets a conversation grow; comes before `model_limits`.',
    }),
  ),
  NON_INTERACTIVE_MODE: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'Tells the client that `ccr code` starts that no terminal is attached.',
    }),
  ),
  CLAUDE_PATH: Type.Optional(
    Type.String({ minLength: 1, description: 'Executable that `ccr code` starts; found on the PATH unless given.' }),
  ),
  Providers: Type.Optional(Type.Array(Type.Unknown(), { default: [], description: 'Where models are; see below.' })),
  providers: Type.Optional(Type.Array(Type.Unknown(), { description: 'The same as `Providers`.' })),
  plugins: Type.Optional(
    Type.Array(Type.Unknown(), { default: [], description: 'Plugins beside the default ones; see below.' }),
  ),
  Plugins: Type.Optional(Type.Array(Type.Unknown(), { description: 'The same as `plugins`.' })),
  watch: Type.Optional(
    Type.Boolean({
      default: true,
      description: 'Takes changes of the config and of plugin files by itself; else only `ccr reload` does.',
    }),
  ),
  profiles: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^(?!default$)[A-Za-z0-9][A-Za-z0-9._-]*$' }),
      Type.Record(Type.String(), Type.Unknown()),
      { default: {}, additionalProperties: false, description: 'Further routing worlds, by name; see below.' },
    ),
  ),
  extends: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Presets that this config is laid over; see below.',
    }),
  ),
  presets: Type.Optional(
    Type.Record(Type.String({ pattern: PRESET_NAME }), Type.Record(Type.String(), Type.Unknown()), {
      default: {},
      additionalProperties: false,
      description: 'Answers to what installed presets ask for, by name.',
    }),
  ),
  marketplace: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s]+$',
      title: 'an https:// URL',
      description: 'Index of presets that `ccr install` looks names up in.',
    }),
  ),
  timeouts: Type.Optional(part(Timeouts.properties, 'Timers of an exchange; see below.')),
  limits: Type.Optional(part(Limits.properties, 'Limits of the router; see below.')),
})
export type KernelConfig = Static<typeof KernelConfig>

const Chain = Type.Array(
  Type.Union([
    Type.String({ minLength: 1 }),
    Type.Array(Type.Unknown(), { minItems: 1, maxItems: 2, title: 'a list of a name and its options' }),
  ]),
  { title: 'a list of names' },
)

/** What stands beside `use` in `transformer`, under the name of a model. */
export const ModelChain = Type.Object({ use: Type.Optional(Chain) })
export type ModelChain = Static<typeof ModelChain>

const Tokens = (description: string) => Type.Optional(Type.Integer({ minimum: 1, description }))

/** One of a provider's `model_limits`. */
export const ModelLimits = Type.Object(
  {
    context_window: Tokens('Tokens that a request and its answer may have together.'),
    max_output_tokens: Tokens('Tokens that one answer may have.'),
  },
  { additionalProperties: false },
)
export type ModelLimits = Static<typeof ModelLimits>

/** One of `Providers`. Fields that are not listed belong to plugins. */
export const ProviderConfig = Type.Object({
  name: Type.String({
    pattern: '^[^,\\u0000-\\u001f]+$',
    title: 'text without a comma',
    description: 'Name in routes, as in `name,model`; it holds no comma.',
  }),
  api_base_url: Type.String({
    pattern: '^https?://[^\\s/?#]+[^\\s]*$',
    title: 'an http:// or https:// URL',
    description: 'URL of its endpoint, or of the root above it.',
  }),
  api_key: Type.Optional(
    Type.String({
      // What a header can carry.
      pattern: '^[ -~]*$',
      title: 'text in one line, of ASCII characters',
      description: 'Key that it asks for. Empty or absent: none is sent. `passthrough`: what the client itself sends.',
    }),
  ),
  models: Type.Optional(
    // Blank names count as absent, and are told apart where they are read.
    Type.Array(Type.String({ title: 'text that is not empty' }), {
      default: [],
      description: 'Models that it is known to have. A route may name others.',
    }),
  ),
  model_limits: Type.Optional(
    Type.Record(Type.String({ minLength: 1 }), ModelLimits, {
      description:
        'Limits of its models, by name or `*`: `{ context_window, max_output_tokens }`; `ccr code` passes them on.',
    }),
  ),
  dialect: Type.Optional(
    Type.String({ minLength: 1, description: 'Wire protocol that it speaks; the default one unless given.' }),
  ),
  transformer: Type.Optional(
    Type.Object(
      { use: Type.Optional(Chain) },
      {
        // Checked one by one where they are read: what is no object stands for no model.
        additionalProperties: Type.Unknown(),
        description: '`{ use: [name, [name, options]], <model>: { use } }`: its dialect and transformers; see below.',
      },
    ),
  ),
  enabled: Type.Optional(Type.Boolean({ default: true, description: '`false` leaves it out.' })),
})
export type ProviderConfig = Static<typeof ProviderConfig>

const Names = Type.Array(Type.String({ minLength: 1 }))

const Pattern = Type.String({ minLength: 1 })
const Patterns = Type.Union([Pattern, Type.Array(Pattern, { minItems: 1 })], { title: 'a pattern or a list of them' })

/** `when` of an entry. All of what it names must hold; of a list one pattern must. `*` stands for any text. */
export const WhenForm = Type.Object(
  {
    provider: Type.Optional({ ...Patterns, description: 'Name of the provider that is tried.' }),
    model: Type.Optional({ ...Patterns, description: "The provider's own name of the model." }),
    dialect: Type.Optional({ ...Patterns, description: 'Wire protocol of the client.' }),
    scenario: Type.Optional({ ...Patterns, description: 'Scenario of the route, such as `think`.' }),
    header: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Patterns, {
        description: 'Header of the request and what its value is like.',
      }),
    ),
  },
  { additionalProperties: false },
)
export type WhenForm = Static<typeof WhenForm>

/** One of `plugins`, in the new form. */
export const EntryForm = Type.Object(
  {
    use: Type.String({
      minLength: 1,
      description: 'Name of a plugin or of its package, or `file:` and a path relative to the config file.',
    }),
    id: Type.Optional(
      Type.String({
        minLength: 1,
        description: "Name of this use; the plugin's own name, or the `file:` text, unless given.",
      }),
    ),
    options: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Options of the plugin.' })),
    before: Type.Optional({ ...Names, description: 'Plugins or ids that this one must precede.' }),
    after: Type.Optional({ ...Names, description: 'Plugins or ids that must precede this one.' }),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, description: 'Deadline of its handlers, in milliseconds.' })),
    onFailure: Type.Optional(
      Type.Union([Type.Literal('fail'), Type.Literal('skip')], {
        description: 'What a failing handler means; not for `onRequest`.',
      }),
    ),
    when: Type.Optional({ ...WhenForm, description: 'When its handlers run; see below.' }),
    enabled: Type.Optional(Type.Boolean({ default: true, description: '`false` switches it off.' })),
  },
  { additionalProperties: false },
)
export type EntryForm = Static<typeof EntryForm>

/** One of `plugins`, in the older form; it is on only when `enabled` is `true`. */
export const LegacyEntryForm = Type.Object({
  name: Type.String({ minLength: 1 }),
  enabled: Type.Optional(Type.Boolean()),
  options: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
})
export type LegacyEntryForm = Static<typeof LegacyEntryForm>
