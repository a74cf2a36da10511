import { changeBody, definePlugin, Type } from '@ccr/sdk'
import { withThinking } from './thinking.ts'

export default definePlugin({
  name: 'patch-reasoning',
  apiVersion: 1,
  description: 'Turns thinking on and off for Chat Completions servers that have a switch for it.',
  transformers: [{ name: 'reasoning' }],
  options: Type.Object(
    {
      enable: Type.Boolean({ default: true, description: 'Thinks as the client asks; `false` never does.' }),
    },
    { additionalProperties: false },
  ),
  activate(ctx) {
    const { enable } = ctx.options
    changeBody(ctx, 'openai', (body) => withThinking(body, enable))
  },
})
