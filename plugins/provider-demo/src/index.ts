import { definePlugin } from '@ccr/sdk'
import { answer } from './answer.ts'
import { demoRoute } from './route.ts'

export default definePlugin({
  name: 'provider-demo',
  apiVersion: 1,
  description: 'A small deterministic model inside the router, which answers while no provider is configured.',
  contributes: ['providers'],
  activate(ctx) {
    ctx.contribute('providers', { name: 'demo', models: ['demo'], local: answer })
    ctx.on('selectRoute', demoRoute, { stage: 'refine', after: ['route-scenarios'] })
  },
})
