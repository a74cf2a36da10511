import type { CanonicalRequest, JsonObject } from './canonical.ts'
import type { Attempt, Outbound } from './exchange.ts'
import { andThen, type Maybe } from './hooks.ts'
import type { PluginContext } from './plugin.ts'

/** A request body in this dialect. Bodies of wire protocols are typed where they are used: annotate the parameter. */
export type BodyOf<Dialect extends string> = Dialect extends 'canonical' ? CanonicalRequest : JsonObject

/**
 * Takes part in transformRequest with what changes the body alone.
 *
 * @param dialect whose bodies: those of one wire protocol, `*` for those of any, or `canonical` for what is said to
 * targets of every protocol, before it is encoded
 * @param change gives the body that goes out instead; nothing, or the very body, leaves the request as it is
 * @example
 * changeBody(ctx, 'canonical', (request) => limitOutput(request, ctx.options.max_tokens))
 */
export function changeBody<const Dialect extends string>(
  ctx: Pick<PluginContext, 'on'>,
  dialect: Dialect,
  change: (body: BodyOf<Dialect>, attempt: Attempt) => Maybe<object>,
): void {
  const patch = (outbound: Outbound, attempt: Attempt): Outbound | undefined | Promise<Outbound | undefined> =>
    // The stage and the dialect say what the body is.
    andThen(change(outbound.body as BodyOf<Dialect>, attempt), (body) =>
      body && body !== outbound.body ? { ...outbound, body } : undefined,
    )
  ctx.on('transformRequest', patch, dialect === 'canonical' ? { stage: 'canonical' } : { stage: 'wire', dialect })
}
