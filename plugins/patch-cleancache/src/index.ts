import { changeBody, definePlugin } from '@ccr/sdk'
import { withoutCacheControl } from './clean.ts'

export default definePlugin({
  name: 'patch-cleancache',
  apiVersion: 1,
  description: 'Takes the marks of what may be cached out of requests.',
  transformers: [{ name: 'cleancache' }],
  activate(ctx) {
    changeBody(ctx, 'canonical', withoutCacheControl)
  },
})
