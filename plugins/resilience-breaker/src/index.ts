import { definePlugin, FallbackRoutes, passOver, SkipTarget, Type } from '@ccr/sdk'
import type { Attempt, Exchange, PassedOver, RoutePlan, RouterConfig, Target } from '@ccr/sdk'
import { healthEndpoints } from './endpoints.ts'
import { Health } from './health.ts'
import { HealthSettings, USUAL } from './settings.ts'

export default definePlugin({
  name: 'resilience-breaker',
  apiVersion: 1,
  description: 'Leaves targets alone that keep failing, or asked for it, as long as a plan has others.',
  config: {
    fallback: Type.Optional(FallbackRoutes),
    Router: Type.Optional(
      Type.Object(
        {
          health: Type.Optional(Type.Partial(HealthSettings, { description: 'When a failing target is left alone.' })),
          enableFallback: Type.Optional(Type.Boolean({ description: '`false`: no target is left alone.' })),
        },
        { additionalProperties: true },
      ),
    ),
  },
  activate(ctx) {
    const { health: own, enableFallback = true } = ctx.config.Router ?? {}
    const settings = { ...USUAL, ...own }
    const health = ctx.state('health', 2, () => new Health())
    for (const endpoint of healthEndpoints(health)) ctx.endpoint(endpoint)
    // A plan has other targets where the config has lists of them. To look at every attempt is not for nothing.
    if (own === undefined && !hasLists(ctx.config)) return

    if (enableFallback) {
      ctx.on('selectRoute', (plan, exchange) => usable(health, plan, exchange), {
        stage: 'final',
        after: ['resilience-fallback'],
      })
    }

    ctx.on('transformRequest', (_, attempt) => {
      const { target, exchange } = attempt
      const { generation } = exchange
      const startedAt = Date.now()
      const endTrial = enableFallback ? beginTrial(health, attempt, startedAt) : undefined
      attempt.onSettled((outcome, failure) => {
        const { kind, status, retryAfterMs, reply } = failure ?? {}
        // By what is told: some refuse a key with a status that blames the request.
        const isLasting = reply?.status === 502 && reply.shouldRetry === false
        const end = { outcome, kind, status, retryAfterMs, isLasting, startedAt, now: Date.now(), generation }
        const transition = health.see(target, end, settings)
        endTrial?.()
        if (transition) ctx.log.info({ ...transition }, 'a target is used otherwise from now on')
      })
    })
  },
})

/** Whether the config names targets to fall back to. */
function hasLists({
  fallback,
  Router = {},
}: {
  readonly fallback?: FallbackRoutes
  readonly Router?: object
}): boolean {
  const { fallback: own, families = {} } = Router as RouterConfig
  return [fallback, own, ...Object.values(families).map((family) => family.fallback)].some((one) => one !== undefined)
}

/** The plan without the targets that are to be left alone; where all are, the first is asked all the same. */
function usable(health: Health, plan: RoutePlan, { generation }: Exchange): RoutePlan | undefined {
  const { targets } = plan
  if (targets.length < 2) return undefined
  const now = Date.now()
  const used: Target[] = []
  const refused: PassedOver[] = []
  for (const target of targets) {
    const permission = health.permission(target, now, generation)
    if (typeof permission === 'object') refused.push({ target, reason: permission.refused })
    else used.push(target)
  }
  if (refused.length === 0) return undefined
  if (used.length > 0) return passOver({ ...plan, targets: used }, ...refused)
  return passOver({ ...plan, targets: targets.slice(0, 1) }, ...refused.slice(1))
}

/**
 * Begins the trial of a half-open target, and gives what ends it. Of the requests that planned it, one may try it: a
 * target further down a plan is held by nobody who may never come to it.
 *
 * @throws SkipTarget while another request is trying it
 */
function beginTrial(health: Health, { exchange, target, lastResort }: Attempt, now: number): (() => void) | undefined {
  if ((exchange.plan?.targets.length ?? 0) < 2) return undefined
  const permission = health.permission(target, now, exchange.generation)
  if (permission === 'trial') return health.beginTrial(target)
  if (typeof permission === 'object' && permission.isTried && !lastResort) throw new SkipTarget(permission.refused)
  return undefined
}
