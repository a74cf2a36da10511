import { definePlugin, Type } from '@ccr/sdk'
import { defaultRoute, readDefaultRoute } from './default-route.ts'
import { explicitRoute } from './explicit.ts'

const Router = Type.Object(
  {
    default: Type.Optional(
      Type.String({ description: 'Where requests go that nothing else decides about, as "provider,model".' }),
    ),
  },
  { additionalProperties: true, description: 'Which provider and model a request goes to.' },
)

export default definePlugin({
  name: 'route-scenarios',
  apiVersion: 1,
  description: 'Routes a request to the provider and model it names, or else to Router.default.',
  options: Type.Object({}, { additionalProperties: false }),
  config: { Router: Type.Optional(Router) },
  activate(ctx) {
    const fallback = readDefaultRoute(ctx.config.Router?.default)
    ctx.on('selectRoute', explicitRoute, { stage: 'pick' })
    // Its own tap, and the last one: it needs nothing and decides whatever is left.
    if (fallback) ctx.on('selectRoute', (plan, exchange) => defaultRoute(fallback, plan, exchange), { stage: 'pick' })
  },
})
