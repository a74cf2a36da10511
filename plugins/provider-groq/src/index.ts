import { defineTransformer } from '@ccr/sdk'
import { type ChatBody, withReasoning } from './reasoning.ts'
import { withPlainSchemas } from './schemas.ts'

export default defineTransformer({
  name: 'provider-groq',
  transformer: 'groq',
  description: 'Asks models at Groq to reason as the client does, apart from their text, and sends them plain schemas.',
  dialect: 'openai',
  refusable: { reasoning_format: /\breasoning_format\b/, reasoning_effort: /\breasoning_effort\b/ },
  request: (body: ChatBody, { offers }) => withReasoning(withPlainSchemas(body), offers),
})
