import { defineTransformer } from '@ccr/sdk'
import { type ChatBody, toCerebras } from './request.ts'

export default defineTransformer({
  name: 'provider-cerebras',
  transformer: 'cerebras',
  description: 'Asks models at Cerebras to reason as the client does, in the fields that are known there.',
  dialect: 'openai',
  refusable: {
    reasoning_effort: /\breasoning_effort\b/,
    // A complaint about its value is none about the field.
    max_completion_tokens: /\bmax_completion_tokens\b.*\b(?:unsupported|not supported|unknown|not permitted)\b/is,
  },
  request: (body: ChatBody, { offers }) => toCerebras(body, offers),
})
