import { definePlugin, Type } from '@ccr/sdk'

/** Sends each request to the provider that its header `x-target` names. */
export const routeByHeader = definePlugin({
  name: 'route-to',
  apiVersion: 1,
  description: 'Sends everything where a header says.',
  options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    ctx.on('selectRoute', (plan, { headers }) => {
      const target = { provider: String(headers['x-target']), model: 'model' }
      return { ...plan, targets: [target], primary: target, decidedBy: 'route-to' }
    })
  },
})
