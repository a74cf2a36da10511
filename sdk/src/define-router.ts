import type { Static, TObject, TProperties } from './typebox/index.ts'
import type { CanonicalRequest } from './canonical.ts'
import { CcrError } from './errors.ts'
import type { Exchange, Provider, RoutePlan, Target } from './exchange.ts'
import { andThen, type Maybe } from './hooks.ts'
import { definePlugin, type Plugin, type PluginLog } from './plugin.ts'
import { canonicalTarget, decide, requestOf, splitTarget } from './routing.ts'
import type { TokenService } from './tokens.ts'

/** What a router is given beside the request. */
export interface RouterContext<Options> {
  readonly options: Options
  /** Those of the running generation, in config order. */
  readonly providers: readonly Provider[]
  readonly exchange: Exchange
  /** Counts tokens; absent where no plugin offers that. */
  readonly tokens: TokenService | undefined
  readonly log: PluginLog
}

/** Where a request goes: a target, `"provider,model"`, or nothing to leave it to the next router. */
export type RouterChoice = Target | string | undefined | void

/** What an author writes; see {@link defineRouter}. */
export interface RouterDraft<P extends TProperties> {
  /** Lower-case words joined by `-`. */
  readonly name: string
  /** One sentence, shown in lists. */
  readonly description: string
  /** Closed schema of its options; none unless given. */
  readonly options?: TObject<P> | undefined
  /** The plugins before which it is asked; others are asked in config order. */
  readonly before?: readonly string[] | undefined
  /** At most 2 s; a router that throws or is late is passed over. */
  route(request: CanonicalRequest, ctx: RouterContext<Static<TObject<P>>>): RouterChoice | Promise<RouterChoice>
}

/**
 * Describes a router: a plugin that decides where requests go that nobody has decided about yet.
 *
 * @example
 * export default defineRouter({
 *   name: 'night-shift', description: 'Sends work without tools to the small model.',
 *   route: (request) => (request.tools?.length ? undefined : 'local,small'),
 * })
 */
export function defineRouter<P extends TProperties = Record<never, never>>(draft: RouterDraft<P>): Plugin {
  const { name, description, before } = draft
  return definePlugin({
    name,
    apiVersion: 1,
    description,
    options: draft.options,
    requires: ['tokens?'],
    activate(ctx) {
      const { options, log } = ctx
      const tokens = ctx.get('tokens?')
      const pick = (plan: RoutePlan, exchange: Exchange): Maybe<RoutePlan> => {
        if (plan.decidedBy !== undefined) return undefined
        const { providers } = exchange
        const choice = draft.route(requestOf(plan, exchange), { options, providers, exchange, tokens, log })
        return andThen(choice, (chosen) => {
          const target = targetOf(name, chosen)
          return (
            target &&
            decide(plan, { target: canonicalTarget(target, providers), decidedBy: name, source: 'custom', rule: name })
          )
        })
      }
      ctx.on('selectRoute', pick, { stage: 'pick', ...(before && { before }) })
    },
  })
}

function targetOf(name: string, choice: RouterChoice): Target | undefined {
  if (typeof choice !== 'string') return choice ?? undefined
  if (choice === '') return undefined
  const target = splitTarget(choice)
  if (target && target.provider !== '' && target.model !== '') return target
  const fact = `the router '${name}' chose ${JSON.stringify(choice)}, which names no provider and model`
  throw new CcrError('CCR_HOOK_RESULT', `${fact}; write it as "provider,model"`, { plugin: name })
}
