import { changeBody, definePlugin, limitOutput, Type } from '@ccr/sdk'

export default definePlugin({
  name: 'patch-maxtoken',
  apiVersion: 1,
  description: 'Bounds the length of the answers that are asked for.',
  transformers: [{ name: 'maxtoken' }],
  options: Type.Object(
    {
      max_tokens: Type.Optional(
        Type.Integer({ minimum: 1, description: 'Most tokens of an answer. Unless given, nothing is changed.' }),
      ),
    },
    { additionalProperties: false },
  ),
  activate(ctx) {
    const { max_tokens: most = Infinity } = ctx.options
    changeBody(ctx, 'canonical', (request) => limitOutput(request, most))
  },
})
