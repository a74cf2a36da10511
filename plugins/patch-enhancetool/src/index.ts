import { defineTransformer } from '@ccr/sdk'
import { repairCalls } from './repair-calls.ts'

export default defineTransformer({
  name: 'patch-enhancetool',
  transformer: 'enhancetool',
  description: 'Repairs arguments of tool calls that a model wrote as something that is almost JSON.',
  dialect: 'canonical',
  stream: ({ log }) =>
    repairCalls((tool) => log.info({ tool }, 'the arguments of a tool call were no JSON object; they were repaired')),
})
