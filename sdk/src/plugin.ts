import { Type, type Static, type TObject, type TProperties } from './typebox/index.ts'
import type { CanonicalEvent, CanonicalMessage, CanonicalRequest } from './canonical.ts'
import type { ClientDialect, Dialect } from './dialect.ts'
import type { Attempt, Exchange, HeaderBag, Provider, Target } from './exchange.ts'
import type { Capability, Facilities } from './facilities.ts'
import type { HookHandlers, HookName, HookPlacement } from './hooks.ts'
import type { QuotaReader } from './quota.ts'
import type { Secret } from './secret.ts'
import type { ProjectService, ScenarioService } from './routing.ts'
import type { Tokenizer, TokenService } from './tokens.ts'

/** A structured log of one plugin; never give it bodies or secrets. */
export interface PluginLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What an endpoint that answers by itself is asked; its gates were passed. */
export interface EndpointRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: HeaderBag
  readonly params: Readonly<Record<string, string | undefined>>
  /** Of any type; only exchanges refuse what says that it is no JSON. */
  readonly body: Buffer
  /** Those of the generation that serves this request. */
  readonly providers: readonly Provider[]
}

/** The answer of an endpoint that answers by itself. */
export interface EndpointReply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** An object is sent as JSON. */
  readonly body?: string | Buffer | object | undefined
}

/** An HTTP endpoint: either one that runs an exchange in a client dialect, or one that answers by itself. */
export type Endpoint = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  /** A find-my-way path, such as `/v1/messages`; not one that the router itself answers, such as `/` and `/health`. */
  readonly path: string
} & (
  | { readonly dialect: string; readonly client: ClientDialect }
  | {
      /**
       * `public` needs no key, but the client key below the path of a preset; `data` needs the client key, `admin` the
       * one in `run/admin.key` of the router's home.
       */
      readonly access: 'public' | 'data' | 'admin'
      /**
       * Answers within `timeouts.total`. A thrown `CCR_REQUEST_INVALID` is answered with 400, `CCR_ROUTE_NONE` with
       * 404, anything else with 500.
       */
      respond(request: EndpointRequest): EndpointReply | Promise<EndpointReply>
    }
)

/** A provider whose answers are made in the process, as canonical events. */
export interface LocalProvider {
  readonly name: string
  readonly models: readonly string[]
  local(request: CanonicalRequest, attempt: Attempt): AsyncIterable<readonly CanonicalEvent[]>
}

/** What a plugin may add to a named point; extended by declaration merging. */
export interface Contributions {
  providers: LocalProvider
  quotas: QuotaReader
  tokenizers: Tokenizer
  /** A `type` of `tokenizer` fields that the plugin reads; what is wrong with such a field it tells by itself. */
  tokenizerTypes: string
  /** What it finds doubtful in the config that it reads, a sentence; `ccr status` says it, as the config's warnings. */
  warnings: string
}

/**
 * What one plugin may offer to all others, by name; extended by declaration merging.
 *
 * @example
 * declare module '@ccr/sdk' {
 *   interface Services { glossary: { explain(word: string): string } }
 * }
 */
export interface Services {
  projects: ProjectService
  scenarios: ScenarioService
  tokens: TokenService
}

/** A service that a plugin may offer. */
export type ServiceName = keyof Services & string
/** A point that plugins may contribute to. */
export type PointName = keyof Contributions & string

/**
 * What a plugin can build on: a service, a service that may be absent, written `name?`, or everything contributed to a
 * point, written `point[]`.
 */
export type Requirement = ServiceName | `${ServiceName}?` | `${PointName}[]`

/** What a {@link Requirement} stands for. Contributions come in config order. */
export type Required<R extends Requirement> = R extends ServiceName
  ? Services[R]
  : R extends `${infer Name extends ServiceName}?`
    ? Services[Name] | undefined
    : R extends `${infer Point extends PointName}[]`
      ? readonly Contributions[Point][]
      : never

/** How an inner exchange is run. */
export interface InnerOptions {
  /** The exchange it belongs to, which has not ended: it shares its end, and its attempts are part of its usage. */
  readonly parent: Exchange
  /** Where it goes; the routes decide unless given. */
  readonly target?: Target | undefined
  /** Ends it earlier than its parent does, such as with the attempt that it serves. */
  readonly signal?: AbortSignal | undefined
}

/** What a plugin is given when it is activated. After disposal every method throws `CCR_PLUGIN_STALE`. */
export interface PluginContext<Options = unknown, Config = unknown> extends Facilities {
  /** The plugin's name. */
  readonly name: string
  /** Identifies this use of the plugin; `before` and `after` may name it. */
  readonly entryId: string
  /** The profile this instance serves; `default` for a plugin of scope `host`, which serves all of them. */
  readonly profile: string
  readonly options: Options
  /** The config sections that the plugin declared. */
  readonly config: Config
  readonly log: PluginLog
  /** Aborted when the instance is disposed. */
  readonly signal: AbortSignal
  /** Takes part in a hook; like every registration, only inside `activate`. */
  on<Hook extends HookName>(hook: Hook, handler: HookHandlers[Hook], placement?: HookPlacement[Hook]): void
  /**
   * The inverse of something the kernel cannot see; run at disposal, in reverse order, at most 5 s each. `files`,
   * `http` and `secrets` work until the last one has ended: what is left in a buffer can be sent or written then.
   */
  effect(inverse: () => void | Promise<void>): void
  /**
   * Runs `start` when new exchanges come to this instance, and what it gave when they no longer do: earlier than the
   * disposal, which waits for the last exchange. For pollers and probes, of which only one generation's may run.
   */
  whileLive(start: () => () => void | Promise<void>): void
  /**
   * A value that the kernel keeps: the plugin's next instance in this entry gets the same one, whatever its code or
   * options, unless it asks for another version of it. Old and new code use it side by side while exchanges drain.
   */
  state<T>(key: string, version: number, init: () => T): T
  /** Offers a service that the plugin declared in `provides`. */
  provide<Name extends ServiceName>(name: Name, service: Services[Name]): void
  /** What the plugin declared in `requires`. When it changes, the plugin is activated anew. */
  get<R extends Requirement>(what: R): Required<R>
  /**
   * Runs an inner exchange through the same plan and attempts, in the same generation; at most 4 inside each other. It
   * passes through all plugins but for `onRequest`, and so through this one's handlers again: they have to know by the
   * request that they are not wanted.
   *
   * @throws CcrError `CCR_EXCHANGE_FAILED`, whose `cause` is the {@link FailureReply} a client would have got
   */
  exchange(request: CanonicalRequest, options: InnerOptions): Promise<CanonicalMessage>
  /**
   * The same as a stream of canonical events, read as fast as they are taken; it begins with the first read, and
   * leaving the iteration ends it. A failure of it is thrown by the iteration.
   */
  exchangeStream(request: CanonicalRequest, options: InnerOptions): AsyncIterable<readonly CanonicalEvent[]>
  /**
   * The key of the provider that an attempt goes to, where this provider's own `transformer` names the plugin; nothing
   * elsewhere, and where it has none. The dialect sends it by itself: this is for a vendor that wants it in another
   * form. What is made of it goes into `outbound.auth`, which no handler of another plugin can print.
   *
   * @throws CcrError `CCR_PLUGIN_CAPABILITY` without the capability `credentials`
   */
  credential(attempt: Attempt): Secret | undefined
  endpoint(endpoint: Endpoint): void
  dialect<Body, Event>(dialect: Dialect<Body, Event>): void
  contribute<Point extends keyof Contributions>(point: Point, value: Contributions[Point]): void
}

/** A name under which config may use a plugin inside `transformer.use`, matched without regard to case. */
export interface TransformerName {
  readonly name: string
  readonly aliases?: readonly string[] | undefined
  /**
   * The dialect this name chooses for a target. It may be another plugin's: the name then stands for an entry of this
   * one too, as a name without a dialect does.
   */
  readonly dialect?: string | undefined
  /**
   * Closed schema of what may stand beside the name of a dialect that the plugin registers; its target reads that in
   * `provider.dialectOptions`. What stands beside any other name are the options of the entry.
   */
  readonly options?: TObject | undefined
}

/** Where code that is no plugin comes from, and what its plugin is to be made for. */
export interface ForeignCode {
  /** Absolute path. */
  readonly file: string
  /** The options of the entry that names it, before they are checked by any schema. */
  readonly options: Readonly<Record<string, unknown>>
}

/**
 * Makes a plugin of what a file exports that was not written for this router; nothing where it knows no such code. What
 * it throws is a fault of the file.
 *
 * @param exported the default export of an ES module, or what a CommonJS module exports; without either, all exports
 */
export type Adapt = (exported: unknown, from: ForeignCode) => Plugin | undefined

/** A frozen description of a plugin. Importing it does nothing. */
export interface Plugin {
  readonly name: string
  readonly apiVersion: 1
  readonly description: string
  readonly options: TObject
  readonly config: TObject
  readonly transformers: readonly TransformerName[]
  readonly scope: 'host' | 'profile'
  readonly provides: readonly string[]
  readonly requires: readonly string[]
  readonly contributes: readonly string[]
  readonly capabilities: readonly string[]
  readonly adapt?: Adapt | undefined
  activate(ctx: PluginContext): void | Promise<void>
}

/** What an author writes; see {@link definePlugin}. */
export interface PluginDraft<P extends TProperties, C extends TProperties> {
  /** Lower-case words joined by `-`. */
  readonly name: string
  /** Version of the contract between plugin and kernel. */
  readonly apiVersion: 1
  /** One sentence, shown in lists. */
  readonly description: string
  /** Closed schema of the entry's options, none unless given; defaults are filled in before `activate`. */
  readonly options?: TObject<P> | undefined
  /** The config sections this plugin reads, by key; sections that may be absent are `Type.Optional`. */
  readonly config?: C
  readonly transformers?: readonly TransformerName[]
  /** `profile` (default): once for each profile; `host`: once, for all of them. */
  readonly scope?: 'host' | 'profile'
  /** The services it offers, each provided while it is activated. */
  readonly provides?: readonly ServiceName[]
  /** What it asks `ctx.get` for; without it the plugin cannot be activated. */
  readonly requires?: readonly Requirement[]
  /** The points it contributes to. */
  readonly contributes?: readonly PointName[]
  /**
   * What it uses of `ctx.files`, `ctx.http`, `ctx.secrets` and `ctx.credential`; shown to whoever installs it, and held
   * to.
   */
  readonly capabilities?: readonly Capability[]
  /**
   * Asked wherever the config names a file that exports no plugin, and not imported before there is such a file. A
   * plugin that came with the router needs no entry for that: it is asked, and its config sections are read, unless an
   * entry switches it off. One that was added is asked while an entry uses it.
   */
  readonly adapt?: Adapt | undefined
  /** Local and quick: no network is needed to succeed. At most 10 s. */
  activate(ctx: PluginContext<Static<TObject<P>>, Static<TObject<C>>>): void | Promise<void>
}

/**
 * Describes a plugin.
 *
 * @example
 * export default definePlugin({
 *   name: 'shout', apiVersion: 1, description: 'Answers in capitals.',
 *   activate(ctx) {
 *     ctx.on('transformStream', (stream) => stream.pipe('canonical', mapEvents(shout)))
 *   },
 * })
 */
export function definePlugin<
  P extends TProperties = Record<never, never>,
  C extends TProperties = Record<never, never>,
>(draft: PluginDraft<P, C>): Plugin {
  // The options and sections are checked against these very schemas before activate sees them.
  const options = draft.options ?? Type.Object({}, { additionalProperties: false })
  const config = Type.Object(draft.config ?? {})
  return Object.freeze({ ...UNDECLARED, ...draft, options, config }) as unknown as Plugin
}

const UNDECLARED = {
  transformers: [],
  scope: 'profile',
  provides: [],
  requires: [],
  contributes: [],
  capabilities: [],
} as const
