import type { CanonicalRequest, Message, Tool } from '@ccr/sdk'

/** What a Chat Completions target is told of a canonical field: where it goes, or why it is left out. */
export type FieldRule = { readonly becomes: string } | { readonly dropped: string }

/** The fields that a type names, without those that its index signature allows. */
type NamedField<T> = keyof { [Field in keyof T as string extends Field ? never : Field]: T[Field] }

type Rules<T> = Readonly<Record<NamedField<T>, FieldRule>> & Readonly<Record<string, FieldRule>>

const SERVER_STATE = 'state that only the server of that protocol keeps'
const CACHE = 'these targets cache prefixes by themselves'
const ACCOUNT = 'a matter between the client and its provider'

/**
 * The capability list of the encoder: what becomes of every field of a canonical request. A field that is not listed is
 * left out as well, and the log says so once.
 */
export const REQUEST_FIELDS = {
  model: { becomes: 'model, as the target names it' },
  messages: { becomes: 'messages' },
  system: { becomes: 'the first message' },
  max_tokens: { becomes: 'max_tokens or max_completion_tokens' },
  stream: { becomes: 'stream, with stream_options' },
  tools: { becomes: 'tools; server tools and placeholders of unloaded tools are left out' },
  tool_choice: { becomes: 'tool_choice and parallel_tool_calls' },
  thinking: { becomes: 'reasoning_effort' },
  output_config: { becomes: 'reasoning_effort and response_format' },
  temperature: { becomes: 'temperature' },
  top_p: { becomes: 'top_p' },
  stop_sequences: { becomes: 'stop' },
  extra: { becomes: 'the fields of a Chat Completions client, those of other clients nothing' },
  top_k: { dropped: 'not part of the protocol' },
  metadata: { dropped: 'a user id is nobody’s business' },
  user_profile_id: { dropped: 'as metadata' },
  safeguards: { dropped: 'local paths and rules, meant for one vendor' },
  cache_control: { dropped: CACHE },
  context_management: { dropped: SERVER_STATE },
  compaction: { dropped: SERVER_STATE },
  container: { dropped: SERVER_STATE },
  thread: { dropped: 'as container; a request that lacks its history for it is refused' },
  workspace_id: { dropped: SERVER_STATE },
  mcp_servers: { dropped: 'run by the server of that protocol' },
  betas: { dropped: 'features of that protocol' },
  diagnostics: { dropped: 'features of that protocol' },
  output_format: { dropped: 'the older name of output_config.format, of which no client is known to make use' },
  service_tier: { dropped: ACCOUNT },
  speed: { dropped: ACCOUNT },
  inference_geo: { dropped: ACCOUNT },
  billing_policy: { dropped: ACCOUNT },
  fallbacks: { dropped: 'models that the server of that protocol asks in place of the first' },
  fallback_credit_token: { dropped: ACCOUNT },
} as const satisfies Rules<CanonicalRequest>

/** The same for the fields of a message. */
export const MESSAGE_FIELDS = {
  role: { becomes: 'role' },
  content: { becomes: 'content, tool_calls and tool messages' },
  output_config: { dropped: 'effort is asked for once a request' },
} as const satisfies Rules<Message>

/** The same for the fields of a tool. */
export const TOOL_FIELDS = {
  name: { becomes: 'function.name, mapped where it is not accepted' },
  description: { becomes: 'function.description' },
  input_schema: { becomes: 'function.parameters' },
  type: { becomes: 'nothing but for `custom`, which is a function' },
  strict: { becomes: 'function.strict for a client of this protocol; others mean another set of schemas by it' },
  cache_control: { dropped: CACHE },
  defer_loading: { dropped: 'every tool that is sent is loaded' },
  eager_input_streaming: { dropped: 'arguments stream as they come' },
  allowed_callers: { dropped: 'there are no server tools that could call' },
  input_examples: { dropped: 'not part of the protocol' },
} as const satisfies Rules<Tool>

/** Fields of a request that the capability list does not name. */
export function unknownFields(request: CanonicalRequest): readonly string[] {
  const unknown: string[] = []
  for (const field in request) if (!Object.hasOwn(REQUEST_FIELDS, field)) unknown.push(field)
  return unknown
}
