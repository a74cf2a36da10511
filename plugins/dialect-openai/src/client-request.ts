import type { CanonicalRequest, JsonDocument, JsonObject, Tool, ToolChoice } from '@ccr/sdk'
import { withFormat } from './answer-format.ts'
import { DIALECT, NEAREST_EFFORT } from './chat-fields.ts'
import { checkFields, checkString, invalid } from './check.ts'
import { readMessages } from './client-messages.ts'

type Fields = Record<string, unknown>
type Draft = { -readonly [Field in keyof CanonicalRequest]: CanonicalRequest[Field] }

/** What can be asked of Chat Completions but not be answered, and what to do instead. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  functions: 'absent; functions are declared in tools',
  function_call: 'absent; functions are chosen by tool_choice',
  audio: 'absent; answers are text',
}

/** Fields that become canonical ones; every other field is kept in `extra`, for targets of this protocol. */
const MAPPED: Readonly<Record<string, (value: unknown, draft: Draft, all: JsonObject) => void>> = {
  model: (value, draft) => {
    if (typeof value !== 'string' || value === '') throw invalid('/model', 'a string that names a model')
    if (/\p{Cc}/u.test(value)) throw invalid('/model', 'free of control characters')
    draft.model = value
  },
  messages: (value, draft) => {
    const { system, messages } = readMessages(value)
    if (system !== undefined) draft.system = system
    draft.messages = messages
  },
  stream: (value, draft) => {
    if (typeof value !== 'boolean') throw invalid('/stream', 'true or false')
    draft.stream = value
  },
  n: (value) => {
    if (value !== 1) throw invalid('/n', '1; this router gives one answer a request')
  },
  max_tokens: (value, draft, all) => {
    draft.max_tokens = numberAt('/max_tokens', all['max_completion_tokens'] ?? value)
  },
  temperature: (value, draft) => void (draft.temperature = numberAt('/temperature', value)),
  top_p: (value, draft) => void (draft.top_p = numberAt('/top_p', value)),
  stop: (value, draft) => {
    const list = Array.isArray(value) ? (value as readonly unknown[]) : [value]
    list.forEach((one, index) => checkString(one, Array.isArray(value) ? `/stop/${index}` : '/stop'))
    draft.stop_sequences = list as readonly string[]
  },
  tools: (value, draft) => void (draft.tools = readTools(value)),
  tool_choice: (value, draft) => void (draft.tool_choice = readChoice(value)),
  parallel_tool_calls: () => undefined,
}

/** Fields that become canonical ones in part, and are kept as well. */
const SHARED: typeof MAPPED = {
  max_completion_tokens: (value, draft) => void (draft.max_tokens = numberAt('/max_completion_tokens', value)),
  reasoning_effort: (value, draft) => {
    checkString(value, '/reasoning_effort')
    draft.thinking = value === 'none' ? { type: 'disabled' } : { type: 'adaptive' }
    if (value === 'none') return
    draft.output_config = { ...draft.output_config, effort: NEAREST_EFFORT.get(value) ?? (value as string) }
  },
  response_format: (value, draft) => {
    checkFields(value, '/response_format')
    const { type, json_schema } = value as { readonly type?: unknown; readonly json_schema?: unknown }
    if (type !== 'json_schema') return
    checkFields(json_schema, '/response_format/json_schema')
    const schema = (json_schema as Fields)['schema']
    if (schema !== undefined) draft.output_config = { ...draft.output_config, format: { type, schema } }
  },
  modalities: (value) => {
    if (Array.isArray(value) && value.includes('audio')) throw invalid('/modalities', 'text alone; answers are text')
  },
  stream_options: (value) => checkFields(value, '/stream_options'),
  user: (value, draft) => {
    checkString(value, '/user')
    draft.metadata = { user_id: value as string }
  },
}

/**
 * A Chat Completions request in canonical form. Absent and null mean the same, as the protocol has it.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the place by JSON pointer
 */
export function readRequest(document: JsonDocument): CanonicalRequest {
  const all = document.value
  const draft: Draft = { model: '', messages: [] }
  const kept: Fields = {}
  if (all['model'] === undefined || all['model'] === null) throw invalid('/model', 'a string that names a model')
  if (all['messages'] === undefined || all['messages'] === null)
    throw invalid('/messages', 'an array of at least one message')
  for (const field in all) {
    const value = all[field]
    if (value === null || value === undefined) continue
    if (Object.hasOwn(UNSUPPORTED, field)) throw invalid(`/${field}`, UNSUPPORTED[field]!)
    const read = Object.hasOwn(MAPPED, field) ? MAPPED[field] : undefined
    if (read) {
      read(value, draft, all)
      continue
    }
    if (Object.hasOwn(SHARED, field)) SHARED[field]!(value, draft, all)
    kept[field] = value
  }
  keepAllowed(draft, all)
  limitParallelCalls(draft, all)
  draft.extra = { [DIALECT]: kept }
  return withFormat(draft, all['response_format'])
}

function numberAt(at: string, value: unknown): number {
  if (typeof value !== 'number') throw invalid(at, 'a number')
  return value
}

function readTools(tools: unknown): readonly Tool[] {
  if (!Array.isArray(tools)) throw invalid('/tools', 'an array')
  return tools.map((tool: unknown, index) => readTool(tool, `/tools/${index}`))
}

function readTool(tool: unknown, at: string): Tool {
  checkFields(tool, at)
  const { type, function: declared } = tool as Fields
  if (type !== 'function') throw invalid(`${at}/type`, '"function"')
  checkFields(declared, `${at}/function`)
  const { name, description, parameters, strict } = declared as Fields
  checkString(name, `${at}/function/name`)
  if (parameters !== undefined && parameters !== null) checkFields(parameters, `${at}/function/parameters`)
  return {
    name: name as string,
    ...(typeof description === 'string' ? { description } : {}),
    input_schema: (parameters as JsonObject | null | undefined) ?? { type: 'object', properties: {} },
    ...(strict === true ? { strict } : {}),
  }
}

function readChoice(choice: unknown): ToolChoice {
  if (choice === 'auto' || choice === 'none') return { type: choice }
  if (choice === 'required') return { type: 'any' }
  checkFields(choice, '/tool_choice')
  const { type, function: named } = choice as Fields
  if (type === 'function') {
    checkFields(named, '/tool_choice/function')
    const { name } = named as Fields
    checkString(name, '/tool_choice/function/name')
    return { type: 'tool', name: name as string }
  }
  const allowed = allowedTools(choice)
  if (!allowed) throw invalid('/tool_choice', 'auto, none, required, a function or allowed_tools')
  return { type: allowed.mode === 'required' ? 'any' : 'auto' }
}

/** A choice among some of the tools; the others are then not shown to the model. */
function allowedTools(choice: unknown): { readonly mode?: unknown; readonly tools: readonly unknown[] } | undefined {
  const { type, allowed_tools: allowed } = (choice ?? {}) as Fields
  if (type !== 'allowed_tools') return undefined
  checkFields(allowed, '/tool_choice/allowed_tools')
  const { mode, tools } = allowed as Fields
  if (!Array.isArray(tools)) throw invalid('/tool_choice/allowed_tools/tools', 'an array')
  return { mode, tools }
}

function keepAllowed(draft: Draft, all: JsonObject): void {
  const allowed = allowedTools(all['tool_choice'])
  if (!allowed || !draft.tools) return
  const names = new Set(allowed.tools.map((tool) => ((tool as Fields | null)?.['function'] as Fields | null)?.['name']))
  draft.tools = draft.tools.filter(({ name }) => names.has(name))
}

/** Parallel calls are forbidden through the choice of tools, which may have to be made for it. */
function limitParallelCalls(draft: Draft, all: JsonObject): void {
  if (all['parallel_tool_calls'] !== false || !draft.tools?.length) return
  const choice = draft.tool_choice ?? { type: 'auto' }
  if (choice.type !== 'none') draft.tool_choice = { ...choice, disable_parallel_tool_use: true }
}
