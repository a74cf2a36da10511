import { definePlugin, RouterConfig, Type, type ScenarioService } from '@ccr/sdk'
import { chooseScenario } from './choose.ts'
import { defaultRoute, readDefaultRoute } from './default-route.ts'
import { explicitRoute } from './explicit.ts'
import { scenarioRoute } from './scenario-route.ts'
import { SessionSizes } from './sessions.ts'
import { Sizes } from './size.ts'

export default definePlugin({
  name: 'route-scenarios',
  apiVersion: 1,
  description: 'Routes a request to the model it names, by what kind of request it is, or else to Router.default.',
  config: { Router: Type.Optional(RouterConfig) },
  provides: ['scenarios'],
  requires: ['tokens?', 'projects?'],
  activate(ctx) {
    const router = ctx.config.Router ?? {}
    const fallback = readDefaultRoute(router.default)
    const sessions = ctx.state('sessions', 1, () => new SessionSizes())
    const sizes = new Sizes(ctx.get('tokens?'), sessions, ctx.log)
    const scenarios: ScenarioService = {
      choose: (request, exchange, routes, how) => chooseScenario({ request, exchange, routes, how }, sizes),
    }
    ctx.provide('scenarios', scenarios)
    ctx.on('onUsage', (usage) => sessions.record(usage))

    const options = { router, scenarios, projects: ctx.get('projects?') }
    ctx.on('selectRoute', explicitRoute, { stage: 'pick', before: ['route-subagent', 'route-families'] })
    ctx.on('selectRoute', (plan, exchange) => scenarioRoute(options, plan, exchange), {
      stage: 'pick',
      after: ['route-subagent', 'route-families'],
    })
    // The first of the refiners, so that every picker comes before it, those of the user's own plugins too. It needs
    // nothing and decides whatever is left.
    if (fallback) ctx.on('selectRoute', (plan, exchange) => defaultRoute(fallback, plan, exchange), { stage: 'refine' })
  },
})
