import { fitOutput, isClientTool, type CanonicalRequest, type JsonObject, type Tool, type ToolNames } from '@ccr/sdk'
import type { Trait } from './adapt.ts'
import { encodeHistory } from './encode-contents.ts'
import { extraOf } from './extra.ts'
import { traitsOf } from './models.ts'
import { declaredOf } from './own-words.ts'
import { toThinkingConfig } from './thinking.ts'
import type { TrailingSignatures } from './trailing-signatures.ts'
import { toParameters, toResponseSchema } from './tool-schema.ts'
import { isFields, type GeminiBody } from './wire.ts'

/** What the encoder needs to know of its attempt. */
export interface EncodeOptions {
  readonly model: string
  /** Name of the provider, to which alone its own reasoning is replayed. */
  readonly provider: string
  readonly names: ToolNames
  readonly trailing: TrailingSignatures
  /** What the target is known not to accept. */
  readonly refused: ReadonlySet<Trait>
  /** Hears that the schema of the answer is left out, because functions are there. */
  onDroppedSchema?(): void
}

/** On requests of clients of the OpenAI protocols, whose dialects know it: the form of the answer. */
const ANSWER_FORMAT = Symbol.for('ccr.openai.answer-format')

/** Most stop sequences the API takes. */
const MAX_STOPS = 5

/**
 * A canonical request as the body of generateContent. Of the request only what is named here is said: system, messages,
 * max_tokens, temperature, top_p, top_k, stop_sequences, thinking, output_config, tools, tool_choice, and what a client
 * of this very API sent beyond them.
 */
export function encodeRequest(request: CanonicalRequest, options: EncodeOptions): GeminiBody {
  const { model, names } = options
  const { isThird } = traitsOf(model)
  const { system, contents } = encodeHistory(request, { ...options, isThird })
  const extra = extraOf(request)
  const body: Record<string, unknown> = { ...extra.fields, contents }
  if (system !== '') body['systemInstruction'] = { parts: [{ text: system }] }
  const functions = (request.tools ?? []).filter(isClientTool)
  const tools = [...toTools(request, functions, names), ...(extra.tools ?? [])]
  if (tools.length > 0) body['tools'] = tools
  const choice = functions.length > 0 ? toCallingConfig(request, functions, names) : undefined
  const toolConfig = { ...(choice && { functionCallingConfig: choice }), ...extra.toolConfig }
  if (Object.keys(toolConfig).length > 0) body['toolConfig'] = toolConfig
  const config = {
    ...extra.generationConfig,
    ...toGenerationConfig(request, options, functions.length > 0 && !isThird),
  }
  if (Object.keys(config).length > 0) body['generationConfig'] = config
  body['ccr_request'] = request
  return body as unknown as GeminiBody
}

/** A search of the server stands alone: together with functions it is refused. */
function toTools(request: CanonicalRequest, functions: readonly Tool[], names: ToolNames): readonly JsonObject[] {
  if (functions.length > 0) return [{ functionDeclarations: functions.map((tool) => toDeclaration(tool, names)) }]
  return (request.tools ?? []).some((tool) => tool.type?.startsWith('web_search')) ? [{ googleSearch: {} }] : []
}

function toDeclaration(tool: Tool, names: ToolNames): JsonObject {
  const parameters = toParameters(tool.input_schema)
  const name = names.toWire(tool.name)
  const description = tool.description ?? ''
  return { name, description, ...(parameters && { parameters }), ...declaredOf(tool) }
}

function toCallingConfig(
  { tool_choice: choice }: CanonicalRequest,
  functions: readonly Tool[],
  names: ToolNames,
): JsonObject | undefined {
  switch (choice?.type) {
    case 'auto':
      return { mode: 'AUTO' }
    case 'none':
      return { mode: 'NONE' }
    case 'any':
      return { mode: 'ANY' }
    case 'tool': {
      // Any other one would be a tool that nobody chose.
      const known = functions.some(({ name }) => name === choice.name)
      return known ? { mode: 'ANY', allowedFunctionNames: [names.toWire(choice.name)] } : undefined
    }
    default:
      return undefined
  }
}

function toGenerationConfig(request: CanonicalRequest, options: EncodeOptions, mustBeText: boolean): JsonObject {
  const { model, refused } = options
  const { max_tokens, temperature, top_p, top_k, stop_sequences, output_config } = request
  const config: Record<string, unknown> = {}
  // 0 asks for no answer at all, which this API cannot give.
  if (typeof max_tokens === 'number')
    config['maxOutputTokens'] = fitOutput(Math.min(Math.max(1, max_tokens), traitsOf(model).maxOutput), refused)
  if (typeof temperature === 'number') config['temperature'] = temperature
  if (typeof top_p === 'number') config['topP'] = top_p
  if (typeof top_k === 'number') config['topK'] = top_k
  const stops = Array.isArray(stop_sequences)
    ? stop_sequences.filter((stop) => typeof stop === 'string' && stop !== '')
    : []
  if (stops.length > 0) config['stopSequences'] = stops.slice(0, MAX_STOPS)
  const thinkingConfig = toThinkingConfig(request, model, refused)
  if (thinkingConfig) config['thinkingConfig'] = thinkingConfig
  const format = output_config?.format as JsonObject | null | undefined
  const schema = format?.['type'] === 'json_schema' ? format['schema'] : undefined
  if (!isFields(schema) && !mustBeText && wantsJson(request)) config['responseMimeType'] = 'application/json'
  if (!isFields(schema) || refused.has('response_schema')) return config
  if (mustBeText) options.onDroppedSchema?.()
  else {
    config['responseMimeType'] = 'application/json'
    config['responseSchema'] = toResponseSchema(schema)
  }
  return config
}

/** JSON without a schema. */
function wantsJson(request: CanonicalRequest): boolean {
  const { [ANSWER_FORMAT]: format } = request as { readonly [ANSWER_FORMAT]?: { readonly type?: unknown } }
  return format?.type === 'json_object'
}
