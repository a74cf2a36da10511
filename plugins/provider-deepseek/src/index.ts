import { defineTransformer, Type } from '@ccr/sdk'
import { boundOutput } from './output.ts'
import { type ChatBody, withThinking } from './thinking.ts'

export default defineTransformer({
  name: 'provider-deepseek',
  transformer: 'deepseek',
  description: 'Has models of DeepSeek think as the client asks, and keeps the rules of their thinking mode.',
  dialect: 'openai',
  options: Type.Object(
    {
      max_tokens: Type.Optional(
        Type.Integer({
          minimum: 1,
          description: 'Most tokens to ask for; 8192 for `deepseek-chat` and `deepseek-coder`, else no limit.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  refusable: {
    // What is said of the thinking mode is no refusal of the field that switches it.
    thinking: /\bthinking\b(?! mode)/i,
    // Nor is the complaint that reasoning is missing.
    reasoning_content: /^(?!.*\b(?:missing|passed back)\b).*\breasoning_content\b/is,
  },
  request: (body: ChatBody, { options, offers }) => boundOutput(withThinking(body, offers), options.max_tokens),
})
