import type { Static, TObject, TProperties } from './typebox/index.ts'
import type { CanonicalEvent, JsonObject } from './canonical.ts'
import { changeBody, type BodyOf } from './change-body.ts'
import type { Attempt } from './exchange.ts'
import { offering } from './offering.ts'
import { definePlugin, type Plugin, type PluginLog } from './plugin.ts'
import type { StreamTransform } from './stream.ts'

/** What the two functions of a transformer are given beside the body or the stream. */
export interface TransformerContext<Options> {
  readonly options: Options
  readonly attempt: Attempt
  readonly log: PluginLog
  /** Whether to add this part of {@link TransformerDraft.refusable}: not where the target refused it before. */
  offers(part: string): boolean
}

/** An event of an answer in this dialect. */
export type EventOf<Dialect extends string> = Dialect extends 'canonical' ? CanonicalEvent : JsonObject

/** What an author writes; see {@link defineTransformer}. */
export interface TransformerDraft<P extends TProperties, Dialect extends string> {
  /** Lower-case words joined by `-`. */
  readonly name: string
  /** Name by which config uses the transformer; that of the plugin unless given. */
  readonly transformer?: string | undefined
  /** One sentence, shown in lists. */
  readonly description: string
  /** Other names under which config may use it. */
  readonly aliases?: readonly string[] | undefined
  /** Whose bodies and events it reads, such as `openai`; `canonical` for those of every target. */
  readonly dialect: Dialect
  /** Closed schema of its options; none unless given. */
  readonly options?: TObject<P> | undefined
  /**
   * Parts of a request that it adds where `ctx.offers` says so, and that a target may refuse, each with the words by
   * which a refusal names it. Such a target is asked once more without the part, and never gets it again.
   */
  readonly refusable?: Readonly<Record<string, RegExp>> | undefined
  /** The body that goes out instead; nothing leaves it as it is. Bodies are read-only: give a new one. */
  request?(
    body: BodyOf<Dialect>,
    ctx: TransformerContext<Static<TObject<P>>>,
  ): object | undefined | void | Promise<object | undefined | void>
  /** A stage for the events of one answer; nothing lets them pass. */
  stream?(ctx: TransformerContext<Static<TObject<P>>>): StreamTransform<EventOf<Dialect>> | undefined | void
}

/**
 * Describes a transformer: a plugin that changes the requests and answers of one dialect. It sees a target of another
 * dialect pass by.
 *
 * @example
 * export default defineTransformer({
 *   name: 'low-temperature', description: 'Bounds the temperature.', dialect: 'openai',
 *   options: Type.Object({ max: Type.Number({ default: 0.5, description: 'Highest temperature.' }) },
 *     { additionalProperties: false }),
 *   request: (body: { temperature?: number }, { options }) =>
 *     ({ ...body, temperature: Math.min(body.temperature ?? 1, options.max) }),
 * })
 */
export function defineTransformer<P extends TProperties = Record<never, never>, const Dialect extends string = string>(
  draft: TransformerDraft<P, Dialect>,
): Plugin {
  const { name, transformer = name, description, aliases, dialect, refusable = {}, request, stream } = draft
  const isCanonical = dialect === 'canonical'
  return definePlugin({
    name,
    apiVersion: 1,
    description,
    options: draft.options,
    transformers: [{ name: transformer, ...(aliases && { aliases }) }],
    activate(ctx) {
      const { options, log } = ctx
      const parts = Object.keys(refusable).length > 0 ? offering(ctx, refusable) : undefined
      const contextOf = (attempt: Attempt) => ({
        options,
        attempt,
        log,
        offers: (part: string) => parts?.(part, attempt) ?? true,
      })
      if (request) changeBody(ctx, dialect, (body, attempt) => request(body, contextOf(attempt)))
      if (stream) {
        ctx.on('transformStream', (pipeline, attempt) => {
          if (!isCanonical && pipeline.dialect !== dialect) return
          const transform = stream(contextOf(attempt))
          if (!transform) return
          if (isCanonical) pipeline.pipe('canonical', transform as unknown as StreamTransform)
          else pipeline.pipe('wire', transform as unknown as StreamTransform<never, unknown>)
        })
      }
    },
  })
}
