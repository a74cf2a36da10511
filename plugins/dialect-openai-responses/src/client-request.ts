import type { CanonicalRequest, OutputConfig, Thinking, Tool, ToolChoice } from '@ccr/sdk'
import { invalidRequest } from '@ccr/sdk'
import { withFormat } from './answer-format.ts'
import { toMessages } from './client-input.ts'
import type { KeptItems } from './kept-items.ts'
import { DIALECT, isAllowedChoice, readTools, type OwnTools } from './own-tools.ts'
import { toCanonicalEffort } from './settings.ts'
import { fieldsOf, listOf, textOf, type Fields } from './wire.ts'

/** What a request may refer to instead of saying it, and what to do about it: nothing is stored here. */
const STORED: Readonly<Record<string, string>> = {
  previous_response_id:
    'cannot be used, because no answers are stored; send the whole conversation in input, with the output items of ' +
    "earlier answers (store: false and include: ['reasoning.encrypted_content'])",
  conversation: 'cannot be used, because no conversations are stored; send the whole conversation in input',
  background: 'cannot be used, because no answers are stored; leave it out and read the answer as a stream',
}

/** Fields whose whole meaning is in the canonical request. */
const CANONICAL: ReadonlySet<string> = new Set(
  'model input instructions stream store max_output_tokens temperature top_p parallel_tool_calls tools tool_choice'
    .split(' ')
    .concat('reasoning', 'text', ...Object.keys(STORED)),
)

/**
 * A Responses request in canonical form. What only this protocol knows goes into `extra`, from which the target side of
 * this dialect writes it back. `items` are those that the request may refer to.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` with the place of the fault
 */
export function toCanonical(body: Fields, items: KeptItems): CanonicalRequest {
  checkBody(body)
  const own = readTools(body['tools'])
  const tools = { ...own, tools: allowedTools(body['tool_choice'], own) }
  const { system, messages } = toMessages(body['instructions'], body['input'], items)
  const choice = toolChoice(body, tools)
  const thinking = toThinking(fieldsOf(body['reasoning']))
  const output = toOutput(body)
  const request: CanonicalRequest = {
    model: body['model'] as string,
    messages,
    ...(system.length > 0 && { system }),
    ...numbers(body),
    ...(body['stream'] === true && { stream: true }),
    ...(tools.tools.length > 0 && { tools: tools.tools }),
    ...(choice && { tool_choice: choice }),
    ...(thinking && { thinking }),
    ...(output && { output_config: output }),
    extra: { [DIALECT]: ownFields(body, choice) },
  }
  return withFormat(request, fieldsOf(fieldsOf(body['text'])['format']))
}

function checkBody(body: Fields): void {
  const { model, stream, input, prompt, tools } = body
  if (typeof model !== 'string' || model === '') throw invalidRequest('/model', 'must be a string that names a model')
  if (/\p{Cc}/u.test(model)) throw invalidRequest('/model', 'must not hold control characters')
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    throw invalidRequest('/stream', 'must be true or false')
  for (const [field, remedy] of Object.entries(STORED))
    if (body[field] !== undefined && body[field] !== null && body[field] !== false)
      throw invalidRequest(`/${field}`, remedy)
  if (typeof input !== 'string' && !Array.isArray(input))
    throw invalidRequest('/input', 'must be a string or an array of items')
  // A prompt that the provider keeps may be all that is said.
  if (Array.isArray(input) && input.length === 0 && (prompt === undefined || prompt === null))
    throw invalidRequest('/input', 'must not be empty')
  if (tools !== undefined && tools !== null && !Array.isArray(tools))
    throw invalidRequest('/tools', 'must be an array of tools')
  listOf(tools).forEach((tool, index) => checkTool(tool, `/tools/${index}`))
  const { instructions, max_output_tokens } = body
  if (instructions !== undefined && instructions !== null && typeof instructions !== 'string')
    throw invalidRequest('/instructions', 'must be a string')
  if (max_output_tokens !== undefined && max_output_tokens !== null && typeof max_output_tokens !== 'number')
    throw invalidRequest('/max_output_tokens', 'must be a number')
}

function checkTool(tool: unknown, at: string): void {
  const { type, name, tools } = fieldsOf(tool)
  if (typeof type !== 'string') throw invalidRequest(`${at}/type`, 'must be a string')
  if (['function', 'custom', 'namespace'].includes(type) && (typeof name !== 'string' || name === ''))
    throw invalidRequest(`${at}/name`, 'must be a string')
  if (type === 'namespace') listOf(tools).forEach((inner, index) => checkTool(inner, `${at}/tools/${index}`))
}

function numbers(body: Fields): Partial<CanonicalRequest> {
  const { max_output_tokens, temperature, top_p } = body
  return {
    ...(typeof max_output_tokens === 'number' && { max_tokens: max_output_tokens }),
    ...(typeof temperature === 'number' && { temperature }),
    ...(typeof top_p === 'number' && { top_p }),
  }
}

function toolChoice(body: Fields, own: OwnTools): ToolChoice | undefined {
  const disable_parallel_tool_use = body['parallel_tool_calls'] === false
  const choice = baseChoice(body['tool_choice'], own)
  if (choice?.type === 'none') return choice
  if (!disable_parallel_tool_use || own.tools.length === 0) return choice
  return { ...(choice ?? { type: 'auto' as const }), disable_parallel_tool_use }
}

function baseChoice(choice: unknown, own: OwnTools): ToolChoice | undefined {
  if (choice === 'required') return { type: 'any' }
  if (choice === 'none' || choice === 'auto') return { type: choice }
  const { type, name, mode } = fieldsOf(choice)
  if (type === 'function' || type === 'custom') {
    const canonical = [...own.byName].find(([, tool]) => tool.name === name)?.[0]
    return { type: 'tool', name: canonical ?? textOf(name) }
  }
  if (type === 'allowed_tools') return { type: mode === 'required' ? 'any' : 'auto' }
  return type === undefined ? undefined : { type: 'auto' }
}

function toThinking({ effort, ...rest }: Fields): Thinking | undefined {
  if (effort === 'none') return { type: 'disabled' }
  const asked = toCanonicalEffort(effort) !== undefined || Object.keys(rest).length > 0
  return asked ? { type: 'adaptive' } : undefined
}

function toOutput(body: Fields): OutputConfig | undefined {
  const effort = toCanonicalEffort(fieldsOf(body['reasoning'])['effort'])
  const { type, schema } = fieldsOf(fieldsOf(body['text'])['format'])
  const format = type === 'json_schema' && typeof schema === 'object' ? { type, schema } : undefined
  if (effort === undefined && !format) return undefined
  return { ...(effort !== undefined && { effort }), ...(format && { format }) }
}

/** The tools that may be called: a choice among some hides the others from targets that know no such choice. */
function allowedTools(choice: unknown, { tools, byName }: OwnTools): readonly Tool[] {
  if (!isAllowedChoice(choice)) return tools
  const allowed = listOf(fieldsOf(choice)['tools']).map(fieldsOf)
  return tools.filter(({ name: canonical }) => {
    const { kind, name, namespace } = byName.get(canonical)!
    return allowed.some((one) => {
      if (kind === 'search') return /^web_search/.test(textOf(one['type']))
      if (one['type'] === 'namespace') return one['name'] === namespace
      return one['name'] === name && one['namespace'] === namespace
    })
  })
}

/** What the canonical request does not say, or says in fewer words. */
function ownFields(body: Fields, choice: ToolChoice | undefined): Fields {
  const own: Record<string, unknown> = {}
  for (const key in body) if (!CANONICAL.has(key) && body[key] !== null) own[key] = body[key]
  if (body['store'] === false) own['store'] = false
  const isWhole = isAllowedChoice(body['tool_choice'])
  const tools = listOf(body['tools']).filter((tool) => isWhole || fieldsOf(tool)['type'] !== 'function')
  if (tools.length > 0) own['tools'] = tools
  if (typeof body['tool_choice'] === 'object' && body['tool_choice'] !== null && choice?.type !== 'tool')
    own['tool_choice'] = body['tool_choice']
  for (const key of ['reasoning', 'text']) if (Object.keys(fieldsOf(body[key])).length > 0) own[key] = body[key]
  return own
}
