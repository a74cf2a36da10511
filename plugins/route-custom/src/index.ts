import { codeFile, definePlugin, passOver, Type, type PassedOver } from '@ccr/sdk'
import { CUSTOM_ROUTER_PATH, customRoute, firstLine, lateRoute } from './custom-route.ts'
import { legacyConfig } from './legacy-config.ts'
import type { CustomRouteOptions, CustomRouter } from './custom-route.ts'

export default definePlugin({
  name: 'route-custom',
  apiVersion: 1,
  description: 'Asks a module of your own where a request goes.',
  config: {
    [CUSTOM_ROUTER_PATH]: Type.Optional(
      codeFile(
        'Module that exports a function `(req, config, ctx)` which gives "provider,model", or nothing.',
        'function',
      ),
    ),
  },
  requires: ['tokens?'],
  activate(ctx) {
    const code = ctx.config[CUSTOM_ROUTER_PATH]
    if (!code) return
    const before = ['route-scenarios', 'route-subagent', 'route-families']
    if (code.fault !== undefined) {
      const reason = firstLine(code.fault)
      const missed: PassedOver = { rule: CUSTOM_ROUTER_PATH, reason, unmatched: true }
      ctx.on('selectRoute', (plan) => passOver(plan, missed), { stage: 'pick', before })
      return
    }
    // The schema says that it is a function; what it takes and gives is checked where it is called.
    const router = code.exported as CustomRouter
    const { log } = ctx
    const configFor = legacyConfig(code.config)
    const tokens = ctx.get('tokens?')
    const options: CustomRouteOptions = { code, router, configFor, tokens, log, asked: new WeakSet() }
    ctx.on('selectRoute', (plan, exchange) => customRoute(options, plan, exchange), { stage: 'pick', before })
    // Whoever decided in its place: what a handler gives behind its deadline is not looked at.
    ctx.on('selectRoute', (plan, exchange) => lateRoute(options, plan, exchange), { stage: 'refine' })
  },
})
