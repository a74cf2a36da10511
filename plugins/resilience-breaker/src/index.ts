import { definePlugin, passOver, Type } from '@ccr/sdk'
import type { Exchange, PassedOver, RoutePlan, Target } from '@ccr/sdk'
import { healthEndpoints } from './endpoints.ts'
import { Health } from './health.ts'
import { HealthSettings, USUAL } from './settings.ts'

/** The targets that an exchange tries, which others leave alone until it has ended. */
const TRIALS = Symbol('trials')

export default definePlugin({
  name: 'resilience-breaker',
  apiVersion: 1,
  description: 'Leaves targets alone that keep failing, or asked for it, as long as a plan has others.',
  config: {
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
    const { health: own, enableFallback } = ctx.config.Router ?? {}
    const settings = { ...USUAL, ...own }
    const health = ctx.state('health', 1, () => new Health())

    if (enableFallback !== false) {
      ctx.on('selectRoute', (plan, exchange) => usable(health, plan, exchange), {
        stage: 'final',
        after: ['resilience-fallback'],
      })
    }

    ctx.on('onUsage', ({ attempts, startedAt }, exchange) => {
      const now = Date.now()
      for (const attempt of attempts) {
        const transition = health.see(attempt, startedAt, now, settings)
        if (transition) ctx.log.info({ ...transition }, 'a target is used otherwise from now on')
      }
      const trials = (exchange.locals[TRIALS] ?? []) as readonly Target[]
      for (const target of trials) health.endTrial(target)
    })

    for (const endpoint of healthEndpoints(health)) ctx.endpoint(endpoint)
  },
})

/** The plan without the targets that are to be left alone; where all are, the first is asked all the same. */
function usable(health: Health, plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  const { targets } = plan
  if (targets.length < 2) return undefined
  const now = Date.now()
  const used: Target[] = []
  const trials: Target[] = []
  const refused: PassedOver[] = []
  for (const target of targets) {
    const permission = health.permission(target, now)
    if (typeof permission === 'object') refused.push({ target, reason: permission.refused })
    else used.push(target)
    if (permission === 'trial') trials.push(target)
  }
  for (const target of trials) health.beginTrial(target, now)
  if (trials.length > 0) exchange.locals[TRIALS] = trials
  if (refused.length === 0) return undefined
  if (used.length > 0) return passOver({ ...plan, targets: used }, ...refused)
  return passOver({ ...plan, targets: targets.slice(0, 1) }, ...refused.slice(1))
}
