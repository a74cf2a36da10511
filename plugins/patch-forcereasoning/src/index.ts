import { defineTransformer, signTagged, splitTagged } from '@ccr/sdk'
import { askToThink, TAG } from './request.ts'

export default defineTransformer({
  name: 'patch-forcereasoning',
  transformer: 'forcereasoning',
  description: 'Makes a model without reasoning of its own think in a tag, and shows that as thinking.',
  dialect: 'canonical',
  request: (body, { attempt }) => askToThink(body, attempt.target.provider),
  stream: ({ attempt }) => splitTagged({ tag: TAG, signature: signTagged(attempt.target.provider) }),
})
