import {
  fitOutput,
  isClientTool,
  lowerToolSchema,
  type CanonicalRequest,
  type JsonObject,
  type SchemaSupport,
  type Tool,
} from '@ccr/sdk'
import type { Trait } from './adapt.ts'
import { encodeInput, systemText } from './encode-input.ts'
import type { EncodeOptions } from './encode-options.ts'
import { DIALECT, isAllowedChoice, readTools, type OwnTools } from './own-tools.ts'
import { addFormat, addReasoning } from './settings.ts'
import type { NamespacedNames } from './tool-names.ts'
import { fieldsOf, type Fields, type FunctionTool, type ResponsesBody, type WireTool } from './wire.ts'

/** Shortest limit that OpenAI takes. */
const SHORTEST_LIMIT = 16

/** Fields of a client of this dialect that this encoder writes itself. */
const DERIVED: ReadonlySet<string> = new Set(['tools', 'tool_choice', 'reasoning', 'text', 'include'])

/** A canonical request as a Responses body. Nothing is cloned: schemas are shared with the request. */
export function encodeRequest(request: CanonicalRequest, options: EncodeOptions): ResponsesBody {
  const { refused, stream, model } = options
  const own = fieldsOf(request.extra?.[DIALECT])
  const tools = readTools(own['tools'])
  const body: Record<string, unknown> = { model }
  for (const key in own) if (!DERIVED.has(key)) body[key] = own[key]
  const instructions = systemText(request.system)
  if (instructions !== '') body['instructions'] = instructions
  body['input'] = encodeInput(request, tools, request.extra?.[DIALECT] !== undefined, options)
  body['stream'] = stream
  // Everything a later turn needs travels with the request, so nothing has to be stored.
  body['store'] = false
  if (!stream) delete body['stream_options']
  addLimits(body, request, refused)
  addReasoning(body, request, fieldsOf(own['reasoning']), refused)
  addFormat(body, request, fieldsOf(own['text']), refused)
  addTools(body, request, tools, own, options)
  addIncludes(body, own['include'], refused)
  if (refused.has('prompt_cache_key')) delete body['prompt_cache_key']
  else if (options.sessionId !== undefined) body['prompt_cache_key'] ??= options.sessionId
  body['ccr_request'] = request
  return body as unknown as ResponsesBody
}

function addLimits(body: Record<string, unknown>, request: CanonicalRequest, refused: ReadonlySet<Trait>): void {
  const asked = request.max_tokens
  if (typeof asked === 'number' && !refused.has('max_output_tokens')) {
    const limit = fitOutput(asked, refused)
    body['max_output_tokens'] = refused.has('short_limit') ? Math.max(limit, SHORTEST_LIMIT) : limit
  }
  // Models that reason take no sampling parameters.
  const reasons = request.thinking ? request.thinking.type !== 'disabled' : false
  if (reasons) return
  if (typeof request.temperature === 'number' && !refused.has('temperature')) body['temperature'] = request.temperature
  if (typeof request.top_p === 'number' && !refused.has('top_p')) body['top_p'] = request.top_p
}

function addIncludes(body: Record<string, unknown>, own: unknown, refused: ReadonlySet<Trait>): void {
  const include = new Set<unknown>(Array.isArray(own) ? (own as unknown[]) : [])
  if (!refused.has('encrypted_reasoning')) {
    include.add('reasoning.encrypted_content')
    const tools = (body['tools'] ?? []) as readonly Fields[]
    if (tools.some(({ type }) => type === 'web_search')) include.add('web_search_call.action.sources')
  } else include.delete('reasoning.encrypted_content')
  if (include.size > 0) body['include'] = [...include]
}

function addTools(
  body: Record<string, unknown>,
  request: CanonicalRequest,
  own: OwnTools,
  fields: Fields,
  { names, refused, sharesStrict }: EncodeOptions,
): void {
  const tools = new Set<WireTool>()
  const hidden = isAllowedChoice(fields['tool_choice']) ? own.tools : []
  for (const tool of new Set([...hidden, ...(request.tools ?? [])])) {
    const known = own.byName.get(tool.name)
    if (known && known.kind !== 'search') tools.add(known.wire)
    else if (isSearch(tool)) {
      if (!refused.has('web_search')) tools.add(known?.wire ?? toSearch(tool))
    } else if (isClientTool(tool)) tools.add(toFunction(tool, names, sharesStrict))
  }
  for (const wire of own.hosted) tools.add(wire)
  if (tools.size === 0) return
  body['tools'] = [...tools]
  const choice = request.tool_choice
  if (!choice) return
  const wanted = fields['tool_choice']
  if (wanted !== undefined && choice.type !== 'tool') body['tool_choice'] = wanted
  else if (choice.type === 'tool') {
    const known = own.byName.get(choice.name)
    const name = known?.name ?? names.toWire(choice.name)
    const type = known?.kind === 'custom' ? 'custom' : 'function'
    const listed = known ?? [...tools].find((tool) => fieldsOf(tool)['name'] === name)
    if (listed) body['tool_choice'] = { type, name }
  } else body['tool_choice'] = choice.type === 'any' ? 'required' : choice.type
  if (choice.type !== 'none' && choice.disable_parallel_tool_use && !refused.has('parallel_tool_calls'))
    body['parallel_tool_calls'] = false
}

function isSearch(tool: Tool): boolean {
  return tool.type?.startsWith('web_search') ?? false
}

/** The protocol makes schemas strict where nothing is said, so it is said. */
function toFunction(tool: Tool, names: NamespacedNames, sharesStrict: boolean): FunctionTool {
  return {
    type: 'function',
    name: names.toWire(tool.name),
    description: tool.description ?? '',
    parameters: toParameters(tool.input_schema),
    strict: sharesStrict && tool['strict'] === true,
  }
}

/**
 * A schema goes out as it is. Only a root that is no plain object, which the protocol refuses, becomes one; an object
 * without `properties` is refused by several servers.
 */
function toParameters(schema: JsonObject | undefined): JsonObject {
  if (!schema) return { type: 'object', properties: {} }
  if (NOT_AT_ROOT.some((keyword) => keyword in schema) || (schema['type'] ?? 'object') !== 'object')
    return lowerToolSchema(schema, ROOT_ONLY)
  if (schema['type'] === 'object' && schema['properties']) return schema
  return { type: 'object', properties: {}, ...schema }
}

const NOT_AT_ROOT = ['anyOf', 'oneOf', 'allOf', 'enum', 'not', '$ref'] as const

/** Everything is taken below the root; references are inlined, because one that stood there has no place any more. */
const ROOT_ONLY: SchemaSupport = {
  keywords: new Set(
    (
      'type title description default examples properties required additionalProperties ' +
      'patternProperties propertyNames minProperties maxProperties items prefixItems minItems maxItems uniqueItems ' +
      'enum const anyOf oneOf allOf not format pattern minLength maxLength minimum maximum exclusiveMinimum ' +
      'exclusiveMaximum multipleOf'
    ).split(' '),
  ),
  nulls: 'type',
  typeLists: true,
  enums: 'any',
}

function toSearch(tool: Tool): Fields {
  const domains = tool['allowed_domains']
  const location = tool['user_location']
  return {
    type: 'web_search',
    ...(Array.isArray(domains) && domains.length > 0 && { filters: { allowed_domains: domains as unknown } }),
    ...(typeof location === 'object' && location !== null && { user_location: location }),
  }
}
