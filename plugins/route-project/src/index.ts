import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { andThen, definePlugin, passOver, RouterConfig, Type } from '@ccr/sdk'
import { Projects } from './projects.ts'

export default definePlugin({
  name: 'route-project',
  apiVersion: 1,
  description: 'Lets projects and sessions say where their requests go, among the configured providers.',
  options: Type.Object(
    {
      home: Type.Optional(
        Type.String({ description: 'Folder with one for each project; `CCR_HOME`, or `~/.claude-code-router`.' }),
      ),
      projects: Type.Optional(
        Type.String({ description: "The client's folder of projects; `~/.claude/projects` unless given." }),
      ),
    },
    { additionalProperties: false },
  ),
  config: { Router: Type.Optional(RouterConfig) },
  provides: ['projects'],
  activate(ctx) {
    const { home = process.env['CCR_HOME'] || join(homedir(), '.claude-code-router') } = ctx.options
    const { projects = join(homedir(), '.claude', 'projects') } = ctx.options
    const places = { home: resolve(home), projects: resolve(projects) }
    const service = new Projects(ctx.config.Router ?? {}, places, () => performance.now())
    ctx.provide('projects', service)
    // What does not count is told, whoever decided.
    ctx.on(
      'selectRoute',
      (plan, exchange) =>
        andThen(service.routesFor(exchange), (own) =>
          own && own.refused.length > 0 ? passOver(plan, ...own.refused) : undefined,
        ),
      { stage: 'refine' },
    )
  },
})
