import { Type, type Static, type TObject, type TProperties } from 'typebox'
import type { CanonicalEvent, CanonicalRequest } from './canonical.ts'
import type { ClientDialect, Dialect } from './dialect.ts'
import type { Attempt, HeaderBag } from './exchange.ts'
import type { HookHandlers, HookName, HookPlacement } from './hooks.ts'

/** A structured log of one plugin; never give it bodies or secrets. */
export interface PluginLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface EndpointRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: HeaderBag
  readonly params: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

export interface EndpointReply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** An object is sent as JSON. */
  readonly body?: string | Buffer | object | undefined
}

/** An HTTP endpoint: either one that runs an exchange in a client dialect, or one that answers by itself. */
export type Endpoint = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  /** A find-my-way path, such as `/v1/messages`. */
  readonly path: string
} & (
  | { readonly dialect: string; readonly client: ClientDialect }
  | {
      /** `public` needs no key, `data` the client key, `admin` the admin key. */
      readonly access: 'public' | 'data' | 'admin'
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
}

/** What a plugin is given when it is activated. After disposal every method throws `CCR_PLUGIN_STALE`. */
export interface PluginContext<Options = unknown, Config = unknown> {
  /** The plugin's name. */
  readonly name: string
  /** Identifies this use of the plugin; `before` and `after` may name it. */
  readonly entryId: string
  readonly options: Options
  /** The config sections that the plugin declared. */
  readonly config: Config
  readonly log: PluginLog
  /** Aborted when the instance is disposed. */
  readonly signal: AbortSignal
  on<Hook extends HookName>(hook: Hook, handler: HookHandlers[Hook], placement?: HookPlacement[Hook]): void
  /** The inverse of something the kernel cannot see; run at disposal, in reverse order. */
  effect(inverse: () => void | Promise<void>): void
  endpoint(endpoint: Endpoint): void
  dialect<Body, Event>(dialect: Dialect<Body, Event>): void
  contribute<Point extends keyof Contributions>(point: Point, value: Contributions[Point]): void
}

/** A name under which config may use a plugin inside `transformer.use`, matched without regard to case. */
export interface TransformerName {
  readonly name: string
  readonly aliases?: readonly string[] | undefined
  /** The dialect this name chooses for a target. */
  readonly dialect?: string | undefined
}

/** A frozen description of a plugin. Importing it does nothing. */
export interface Plugin {
  readonly name: string
  readonly apiVersion: 1
  readonly description: string
  readonly options: TObject
  readonly config: TObject
  readonly transformers: readonly TransformerName[]
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
  /** Closed schema of the entry's options; defaults are filled in before `activate`. */
  readonly options: TObject<P>
  /** The config sections this plugin reads, by key; sections that may be absent are `Type.Optional`. */
  readonly config?: C
  readonly transformers?: readonly TransformerName[]
  /** Local and quick: no network is needed to succeed. At most 10 s. */
  activate(ctx: PluginContext<Static<TObject<P>>, Static<TObject<C>>>): void | Promise<void>
}

/**
 * Describes a plugin.
 *
 * @example
 * export default definePlugin({
 *   name: 'shout', apiVersion: 1, description: 'Answers in capitals.',
 *   options: Type.Object({}, { additionalProperties: false }),
 *   activate(ctx) {
 *     ctx.on('transformStream', (stream) => stream.pipe('canonical', mapEvents(shout)))
 *   },
 * })
 */
export function definePlugin<P extends TProperties, C extends TProperties = Record<never, never>>(
  draft: PluginDraft<P, C>,
): Plugin {
  // The options and sections are checked against these very schemas before activate sees them.
  return Object.freeze({ transformers: [], ...draft, config: Type.Object(draft.config ?? {}) }) as unknown as Plugin
}
