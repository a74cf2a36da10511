import { changeBody, definePlugin } from '@ccr/sdk'

export default definePlugin({
  name: 'patch-maxcompletiontokens',
  apiVersion: 1,
  description: 'Names the limit of an answer max_completion_tokens for Chat Completions targets.',
  transformers: [{ name: 'maxcompletiontokens' }],
  activate(ctx) {
    changeBody(ctx, 'openai', ({ max_tokens: limit, ...rest }) =>
      limit === undefined ? undefined : { ...rest, max_completion_tokens: limit },
    )
  },
})
