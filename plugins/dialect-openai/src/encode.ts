import { askedThinking, fitOutput, isClientTool, type CanonicalRequest, type JsonObject, type Tool } from '@ccr/sdk'
import type { ToolNames } from '@ccr/sdk'
import { responseFormat } from './answer-format.ts'
import { chatFields, restoreFields } from './chat-fields.ts'
import { encodeMessages } from './encode-messages.ts'
import type { EncodeOptions } from './encode-options.ts'
import type { ChatBody, ChatTool } from './wire.ts'

/** What a server that complains of many takes: https://platform.openai.com/docs/api-reference/chat/create (`stop`) */
const FEW_STOPS = 4

/** A canonical request as a Chat Completions body. Nothing is cloned: schemas are shared with the request. */
export function encodeRequest(request: CanonicalRequest, options: EncodeOptions): ChatBody {
  const { refused, stream } = options
  const body: Record<string, unknown> = { model: options.model, messages: encodeMessages(request, options), stream }
  if (stream && !refused.has('stream_options')) body['stream_options'] = { include_usage: true }
  if (typeof request.max_tokens === 'number')
    body[refused.has('max_tokens') ? 'max_completion_tokens' : 'max_tokens'] = fitOutput(request.max_tokens, refused)
  if (typeof request.temperature === 'number' && !refused.has('temperature')) body['temperature'] = request.temperature
  if (typeof request.top_p === 'number' && !refused.has('top_p')) body['top_p'] = request.top_p
  const given = Array.isArray(request.stop_sequences) ? request.stop_sequences.filter((stop) => stop !== '') : []
  const stops = refused.has('many_stops') ? given.slice(0, FEW_STOPS) : given
  if (stops.length > 0) body['stop'] = stops
  const thinking = askedThinking(request)
  if (thinking?.on && thinking.effort !== undefined && !refused.has('reasoning_effort'))
    body['reasoning_effort'] = thinking.effort
  const format = responseFormat(request)
  if (format !== undefined && !refused.has('response_format')) body['response_format'] = format
  const own = chatFields(request)
  addTools(body, request, options, own !== undefined || request.extra?.['openai-responses'] !== undefined)
  if (own) restoreFields(body, own, request, refused)
  body['ccr_request'] = request
  return body as unknown as ChatBody
}

function addTools(
  body: Record<string, unknown>,
  request: CanonicalRequest,
  { names, refused }: EncodeOptions,
  sharesStrict: boolean,
): void {
  const tools: ChatTool[] = []
  for (const tool of request.tools ?? []) if (isClientTool(tool)) tools.push(toFunction(tool, names, sharesStrict))
  if (tools.length === 0) return
  body['tools'] = tools
  const choice = request.tool_choice
  if (!choice) return
  if (choice.type === 'tool') {
    const name = names.toWire(choice.name)
    if (tools.some((tool) => tool.function.name === name))
      body['tool_choice'] = { type: 'function', function: { name } }
  } else body['tool_choice'] = choice.type === 'any' ? 'required' : choice.type
  if (choice.type !== 'none' && choice.disable_parallel_tool_use && !refused.has('parallel_tool_calls'))
    body['parallel_tool_calls'] = false
}

function toFunction(tool: Tool, names: ToolNames, sharesStrict: boolean): ChatTool {
  const name = names.toWire(tool.name)
  const parameters = toParameters(tool.input_schema)
  // What is strict in other protocols does not fit the rules of the two of OpenAI.
  const strict = sharesStrict && tool['strict'] === true ? { strict: true } : undefined
  return { type: 'function', function: { name, description: tool.description ?? '', parameters, ...strict } }
}

/**
 * An object schema without `type` or `properties`, or with `$schema`, is refused by several servers. The rest of JSON
 * Schema is taken, so that schemas are neither walked nor copied deep.
 */
function toParameters(given: JsonObject | undefined): JsonObject {
  if (!given) return { type: 'object', properties: {} }
  const { $schema: dialect, ...rest } = given
  const schema = dialect === undefined ? given : rest
  if (schema['type'] === 'object' && schema['properties']) return schema
  if (schema['type'] !== undefined && schema['type'] !== 'object') return schema
  return { type: 'object', properties: {}, ...schema }
}
