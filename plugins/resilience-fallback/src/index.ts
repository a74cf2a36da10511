import { andThen, definePlugin, FallbackRoutes, passOver, RouterConfig, Type } from '@ccr/sdk'
import type { Exchange, FailureReply, RoutePlan } from '@ccr/sdk'
import { candidatesFor, isEnabled, type FallbackRules } from './candidates.ts'
import { isWorthAnother } from './worth-another.ts'

/** What the first target of an exchange failed with: what its client is told when all others fail too. */
const FIRST = Symbol('first failure')

export default definePlugin({
  name: 'resilience-fallback',
  apiVersion: 1,
  description: 'Tries other targets, in the order of the config, where the chosen one fails before it has answered.',
  config: { fallback: Type.Optional(FallbackRoutes), Router: Type.Optional(RouterConfig) },
  requires: ['projects?'],
  activate(ctx) {
    const { fallback: global, Router: router = {} } = ctx.config
    const projects = ctx.get('projects?')
    const usual: FallbackRules = { router, global }
    const added = (rules: FallbackRules, plan: RoutePlan, exchange: Exchange): RoutePlan | undefined => {
      if (plan.targets.length === 0 || !isEnabled(rules)) return undefined
      const { targets, passedOver } = candidatesFor(rules, plan, exchange.providers)
      if (targets.length === 0 && passedOver.length === 0) return undefined
      return passOver({ ...plan, targets: [...plan.targets, ...targets] }, ...passedOver)
    }
    ctx.on(
      'selectRoute',
      (plan, exchange) =>
        andThen(projects?.routesFor(exchange), (own) => added(own ? { ...own, global } : usual, plan, exchange)),
      { stage: 'final' },
    )

    ctx.on('onError', (failure, { exchange }) => {
      const { targets = [], scenario } = exchange.plan ?? {}
      if (targets.length < 2 || !isWorthAnother(failure, scenario)) return
      const reply = ((exchange.locals[FIRST] as FailureReply | undefined) ??= failure.reply)
      return { action: 'next', reply }
    })
  },
})
