import { andThen, definePlugin, RouterConfig, Type } from '@ccr/sdk'
import { subagentRoute, withoutDirectives } from './subagent-route.ts'

export default definePlugin({
  name: 'route-subagent',
  apiVersion: 1,
  description: 'Routes subagents to the model that their prompt or the config names for them.',
  config: { Router: Type.Optional(RouterConfig) },
  requires: ['projects?'],
  activate(ctx) {
    const router = ctx.config.Router ?? {}
    const projects = ctx.get('projects?')
    ctx.on('selectRoute', (plan, exchange) => {
      const own = projects?.routesFor(exchange)
      return andThen(own, (routes) => subagentRoute(routes ?? { router }, plan, exchange))
    })
    ctx.on('selectRoute', withoutDirectives, { stage: 'refine' })
  },
})
