import { andThen, definePlugin, RouterConfig, Type, type Exchange, type RoutePlan } from '@ccr/sdk'
import { familyRoute, type Routes } from './family-route.ts'
import { mappedRoute } from './mapping.ts'

export default definePlugin({
  name: 'route-families',
  apiVersion: 1,
  description: 'Routes by the family of the model that is asked for, or by a table of models.',
  config: { Router: Type.Optional(RouterConfig) },
  requires: ['scenarios', 'projects?'],
  activate(ctx) {
    const router = ctx.config.Router ?? {}
    const scenarios = ctx.get('scenarios')
    const projects = ctx.get('projects?')
    const decided = async (routes: Routes, plan: RoutePlan, exchange: Exchange) => {
      const looked = (await familyRoute(routes, scenarios, plan, exchange)) ?? plan
      if (looked.decidedBy !== undefined) return looked
      const mapped = mappedRoute(routes, looked, exchange) ?? looked
      return mapped === plan ? undefined : mapped
    }
    ctx.on('selectRoute', (plan, exchange) => {
      return andThen(projects?.routesFor(exchange), (own) => {
        const routes = own ?? { router }
        // A promise costs a timer, so there is none where nothing can be decided.
        return saysNothing(routes.router) ? undefined : decided(routes, plan, exchange)
      })
    })
  },
})

function saysNothing({ enableFamilyRouting, models = {} }: RouterConfig): boolean {
  return enableFamilyRouting !== true && Object.keys(models).length === 0
}
