import { changeBody, definePlugin } from '@ccr/sdk'
import { withoutCacheControl } from './clean.ts'

export default definePlugin({
  name: 'patch-cleancache',
  apiVersion: 1,
  description: 'Takes the marks of what may be cached out of requests.',
  transformers: [{ name: 'cleancache' }],
  activate(ctx) {
    changeBody(ctx, 'canonical', withoutCacheControl)
    // Chat Completions has no such field, and the canonical request none of what its clients add to theirs.
    changeBody(ctx, 'openai', ({ cache_control: mark, ...rest }) => (mark === undefined ? undefined : rest))
  },
})
