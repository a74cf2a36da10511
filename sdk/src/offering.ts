import type { Attempt } from './exchange.ts'
import type { PluginContext } from './plugin.ts'
import { createRefusals, refusalOf } from './refusals.ts'

/** HTTP statuses by which servers refuse a request for a part of it. */
const STATUSES = [400, 422]

/**
 * Whether to add the part of this name to the request of an attempt: not where its target refused that part before. A
 * part that is asked for counts as sent.
 */
export type Offers<Name extends string = string> = (name: Name, attempt: Attempt) => boolean

/**
 * Lets a patch add to requests what not every target takes. A target that refuses such a part is asked once more
 * without it, and never gets it again: a refusal costs an attempt and never a session. Call it in `activate`.
 *
 * @param parts the parts, each with the words by which a refusal names it; of several the first that fits counts
 * @example
 * const offers = offering(ctx, { depth: /\bdepth\b/ })
 * ctx.on('transformRequest', (outbound, attempt) =>
 *   offers('depth', attempt) ? { ...outbound, body: { ...(outbound.body as object), depth: 2 } } : undefined,
 *   { stage: 'wire', dialect: 'openai' })
 */
export function offering<Name extends string>(
  ctx: Pick<PluginContext, 'on' | 'log'>,
  parts: Readonly<Record<Name, RegExp>>,
): Offers<Name> {
  const refusals = createRefusals<Name>()
  // Attempts of one exchange follow each other, so that the last one is all that has to be known.
  const key = Symbol('offered')
  const offeredIn = ({ exchange }: Attempt): Offered<Name> | undefined => exchange.locals[key] as Offered<Name>
  const names = Object.keys(parts) as Name[]
  ctx.on('onError', (failure, attempt) => {
    const offered = offeredIn(attempt)
    const said = offered?.attempt === attempt ? refusalOf(failure, STATUSES) : undefined
    if (said === undefined) return
    const { target } = attempt
    const part = refusals.learn(target, () => names.find((name) => offered!.parts.has(name) && parts[name].test(said)))
    if (part === undefined) return
    ctx.log.info({ ...target, part }, 'the target refuses a part that is added to requests; it is left out from now on')
    return { action: 'retry', afterMs: 0 }
  })
  return (name, attempt) => {
    if (refusals.refusedBy(attempt.target).has(name)) return false
    const offered = offeredIn(attempt)
    if (offered?.attempt === attempt) offered.parts.add(name)
    else attempt.exchange.locals[key] = { attempt, parts: new Set([name]) } satisfies Offered<Name>
    return true
  }
}

/** What was sent with an attempt. */
interface Offered<Name> {
  readonly attempt: Attempt
  readonly parts: Set<Name>
}
