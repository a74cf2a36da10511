import { definePlugin, RouterConfig, Type } from '@ccr/sdk'
import { ImageAgent } from './agent.ts'
import { directRoute } from './direct.ts'
import { createSight } from './sight.ts'
import { createImageTargets, usesImages } from './targets.ts'

const Models = (description: string) => Type.Array(Type.String({ minLength: 1 }), { default: [], description })

export default definePlugin({
  name: 'route-image',
  apiVersion: 1,
  description: 'Routes requests with images to Router.image, and looks at images for models that cannot.',
  options: Type.Object(
    {
      visionModels: Models('More models that see images themselves; `*` stands for any text.'),
      textOnlyModels: Models('Models that see no images, whatever their names say; `*` stands for any text.'),
      rounds: Type.Integer({
        minimum: 1,
        maximum: 16,
        default: 5,
        description: 'How often a model may ask about images in one turn.',
      }),
    },
    { additionalProperties: false },
  ),
  config: {
    Router: Type.Optional(RouterConfig),
    forceUseImageAgent: Type.Optional(
      Type.Boolean({ description: 'The same as `Router.forceUseImageAgent`, which comes first.' }),
    ),
  },
  requires: ['projects?'],
  activate(ctx) {
    const { Router: router = {}, forceUseImageAgent } = ctx.config
    const forced = router.forceUseImageAgent ?? forceUseImageAgent === true
    const sees = createSight(ctx.options)
    const projects = ctx.get('projects?')
    const targetsFor = createImageTargets(router, projects)
    // Without an image model there is nothing to do, unless projects name one.
    if (!usesImages(router) && !projects) return
    const agent = new ImageAgent({ ctx, targetsFor, sees, forced, rounds: ctx.options.rounds })
    if (!forced) {
      ctx.on('selectRoute', (plan, exchange) => directRoute({ targetsFor, sees }, plan, exchange), {
        stage: 'refine',
        after: ['route-scenarios'],
      })
    }
    ctx.on('transformRequest', (outbound, attempt) => agent.transform(outbound, attempt), { stage: 'canonical' })
    ctx.on('transformStream', (stream, attempt) => agent.attach(stream, attempt))
  },
})
