import { definePlugin, RouterConfig, Type, type ProjectRoutes } from '@ccr/sdk'
import { subagentRoute, withoutDirectives } from './subagent-route.ts'

export default definePlugin({
  name: 'route-subagent',
  apiVersion: 1,
  description: 'Routes subagents to the model that their prompt or the config names for them.',
  options: Type.Object({}, { additionalProperties: false }),
  config: { Router: Type.Optional(RouterConfig) },
  requires: ['projects?'],
  activate(ctx) {
    const router = ctx.config.Router ?? {}
    const projects = ctx.get('projects?')
    ctx.on('selectRoute', (plan, exchange) => {
      const own = projects?.routesFor(exchange)
      const decided = (routes?: ProjectRoutes) => subagentRoute(routes?.router ?? router, plan, exchange)
      // A promise costs a timer, so there is none where nothing is waited for.
      return own instanceof Promise ? own.then(decided) : decided(own)
    })
    ctx.on('selectRoute', withoutDirectives, { stage: 'refine' })
  },
})
