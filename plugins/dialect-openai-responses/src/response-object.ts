import type { Exchange } from '@ccr/sdk'
import { DIALECT } from './own-tools.ts'
import { fieldsOf, type Fields } from './wire.ts'

/**
 * The `response` object of events and whole answers. It repeats the settings of the request, but not its instructions
 * and tools, which may be large and which the client knows.
 * Source: https://platform.openai.com/docs/api-reference/responses/object
 */
export function responseOf({ request, startedAt }: Exchange, fields: Fields): Fields {
  const own = fieldsOf(request.extra?.[DIALECT])
  const choice = request.tool_choice
  const { effort = null, summary = null } = fieldsOf(own['reasoning'])
  const parallel = choice === undefined || choice.type === 'none' || choice.disable_parallel_tool_use !== true
  return {
    object: 'response',
    created_at: Math.floor(startedAt / 1000),
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: request.max_tokens ?? null,
    metadata: own['metadata'] ?? {},
    parallel_tool_calls: parallel,
    previous_response_id: null,
    reasoning: { effort, summary },
    service_tier: own['service_tier'] ?? 'auto',
    store: false,
    temperature: request.temperature ?? 1,
    text: own['text'] ?? { format: { type: 'text' } },
    tool_choice: own['tool_choice'] ?? choiceOf(choice),
    tools: [],
    top_p: request.top_p ?? 1,
    truncation: own['truncation'] ?? 'disabled',
    usage: null,
    ...fields,
  }
}

function choiceOf(choice: Exchange['request']['tool_choice']): unknown {
  if (!choice) return 'auto'
  if (choice.type === 'tool') return { type: 'function', name: choice.name }
  return choice.type === 'any' ? 'required' : choice.type
}
