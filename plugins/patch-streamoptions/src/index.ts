import { changeBody, definePlugin, isObject } from '@ccr/sdk'

export default definePlugin({
  name: 'patch-streamoptions',
  apiVersion: 1,
  description: 'Asks Chat Completions targets for the usage of every stream.',
  transformers: [{ name: 'streamoptions' }],
  activate(ctx) {
    changeBody(ctx, 'openai', (body) => {
      if (body['stream'] !== true) return undefined
      const said = isObject(body['stream_options']) ? body['stream_options'] : {}
      if (said['include_usage'] === true) return undefined
      return { ...body, stream_options: { ...said, include_usage: true } }
    })
  },
})
