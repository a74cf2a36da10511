/**
 * The canonical form: the Anthropic Messages request, narrowed to what ccr reads. Unknown fields and block types are
 * legal everywhere and survive. Source: https://docs.anthropic.com/en/api/messages (held equal to the official SDK's
 * types by a type test).
 */
export interface CanonicalRequest {
  readonly model: string
  readonly messages: readonly Message[]
  readonly system?: string | readonly TextBlock[] | undefined
  /** Upper bound of the answer, in tokens. */
  readonly max_tokens?: number | undefined
  readonly stream?: boolean | undefined
  readonly tools?: readonly Tool[] | undefined
  readonly tool_choice?: ToolChoice | undefined
  readonly thinking?: Thinking | undefined
  readonly output_config?: OutputConfig | undefined
  readonly temperature?: number | undefined
  readonly top_p?: number | undefined
  readonly top_k?: number | undefined
  readonly stop_sequences?: readonly string[] | undefined
  readonly metadata?: { readonly user_id?: string | null | undefined } | undefined
  /** Fields that only another client dialect knows; written back only by that dialect. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined
  readonly [field: string]: unknown
}

/** One turn of a conversation. */
export interface Message {
  readonly role: 'user' | 'assistant' | 'system'
  readonly content: string | readonly ContentBlock[]
  readonly output_config?: OutputConfig | undefined
}

/** How much effort an answer is worth, and what form it has. */
export interface OutputConfig {
  readonly effort?: string | null | undefined
  readonly format?: unknown
}

/** Marks the end of a part of the prompt that the provider may cache. */
export interface CacheControl {
  readonly type: 'ephemeral'
  readonly ttl?: string | undefined
}

/** Plain text. */
export interface TextBlock {
  readonly type: 'text'
  readonly text: string
  readonly cache_control?: CacheControl | null | undefined
}

/** A picture: its data, its address, or the id of an uploaded file. */
export interface ImageBlock {
  readonly type: 'image'
  readonly source:
    | { readonly type: 'base64'; readonly media_type: string; readonly data: string }
    | { readonly type: 'url'; readonly url: string }
    | { readonly type: 'file'; readonly file_id: string }
  readonly cache_control?: CacheControl | null | undefined
}

/** A document, such as a PDF. */
export interface DocumentBlock {
  readonly type: 'document'
  readonly source: { readonly type: string; readonly [field: string]: unknown }
  readonly title?: string | null | undefined
  readonly context?: string | null | undefined
  readonly cache_control?: CacheControl | null | undefined
}

/** What the model thought, with the signature by which its provider knows it again. */
export interface ThinkingBlock {
  readonly type: 'thinking'
  readonly thinking: string
  readonly signature: string
}

/** Thinking that only its provider can read. */
export interface RedactedThinkingBlock {
  readonly type: 'redacted_thinking'
  readonly data: string
}

/** A call of a tool. */
export interface ToolUseBlock {
  readonly type: 'tool_use'
  readonly id: string
  readonly name: string
  readonly input: unknown
  readonly cache_control?: CacheControl | null | undefined
}

/** What a tool gave, in answer to a {@link ToolUseBlock} of the same id. */
export interface ToolResultBlock {
  readonly type: 'tool_result'
  readonly tool_use_id: string
  readonly content?: string | readonly ContentBlock[] | undefined
  readonly is_error?: boolean | undefined
  readonly cache_control?: CacheControl | null | undefined
}

/** A block type that ccr does not read; it passes unchanged to targets of the canonical dialect. */
export interface OtherBlock {
  readonly type: string
  readonly [field: string]: unknown
}

/** A block whose type ccr reads. */
export type KnownBlock =
  TextBlock | ImageBlock | DocumentBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock | ToolResultBlock

/** A piece of a message: a type that ccr reads, or any other. `isKnownBlock` narrows it; a look at `type` does not. */
export type ContentBlock = KnownBlock | OtherBlock

const KNOWN = new Set(['text', 'image', 'document', 'thinking', 'redacted_thinking', 'tool_use', 'tool_result'])

/** Narrows a block to the types that ccr reads; everything else is an {@link OtherBlock}. */
export function isKnownBlock(block: ContentBlock): block is KnownBlock {
  return KNOWN.has(block.type)
}

/** A tool that the model may call. */
export interface Tool {
  readonly name: string
  readonly type?: string | null | undefined
  readonly description?: string | undefined
  readonly input_schema?: JsonObject | undefined
  readonly cache_control?: CacheControl | null | undefined
  readonly defer_loading?: boolean | undefined
  readonly [field: string]: unknown
}

/** Any JSON object. */
export type JsonObject = { readonly [key: string]: unknown }

/** Whether the model may, must or must not call tools. */
export type ToolChoice =
  | { readonly type: 'auto'; readonly disable_parallel_tool_use?: boolean | undefined }
  | { readonly type: 'any'; readonly disable_parallel_tool_use?: boolean | undefined }
  | { readonly type: 'tool'; readonly name: string; readonly disable_parallel_tool_use?: boolean | undefined }
  | { readonly type: 'none' }

/** Whether, and how much, the model may think before it answers. */
export type Thinking =
  | { readonly type: 'enabled'; readonly budget_tokens: number; readonly display?: string | null | undefined }
  | { readonly type: 'adaptive'; readonly display?: string | null | undefined }
  | { readonly type: 'disabled' }
  | { readonly type: 'between_tools' }

/** Why an answer ended; other values of newer upstreams pass through. */
export type StopReason =
  'end_turn' | 'max_tokens' | 'stop_sequence' | 'tool_use' | 'pause_turn' | 'refusal' | 'model_context_window_exceeded'

/**
 * Token counts in disjoint buckets: the whole input is `input_tokens + cache_creation_input_tokens +
 * cache_read_input_tokens`. In a `message_delta` they are cumulative.
 */
export interface CanonicalUsage {
  readonly input_tokens?: number | null | undefined
  readonly output_tokens?: number | null | undefined
  readonly cache_creation_input_tokens?: number | null | undefined
  readonly cache_read_input_tokens?: number | null | undefined
  readonly output_tokens_details?: { readonly thinking_tokens?: number | undefined } | null | undefined
  readonly [field: string]: unknown
}

/** A whole answer. */
export interface CanonicalMessage {
  readonly id: string
  readonly type: 'message'
  readonly role: 'assistant'
  readonly model: string
  readonly content: readonly ContentBlock[]
  readonly stop_reason: StopReason | string | null
  readonly stop_sequence: string | null
  readonly usage: CanonicalUsage
  readonly [field: string]: unknown
}

/** A piece of a content block that is being written. */
export type BlockDelta =
  | { readonly type: 'text_delta'; readonly text: string }
  | { readonly type: 'input_json_delta'; readonly partial_json: string }
  | { readonly type: 'thinking_delta'; readonly thinking: string }
  | { readonly type: 'signature_delta'; readonly signature: string }
  | { readonly type: 'citations_delta'; readonly citation: unknown }

/**
 * The canonical stream: `message_start`, then blocks (start, deltas, stop; one at a time, indexes from 0 without gaps),
 * then `message_delta` and `message_stop`; `ping` anywhere; `error` ends it. Unknown event types pass.
 */
export type CanonicalEvent =
  | { readonly type: 'message_start'; readonly message: CanonicalMessage }
  | { readonly type: 'content_block_start'; readonly index: number; readonly content_block: ContentBlock }
  | { readonly type: 'content_block_delta'; readonly index: number; readonly delta: BlockDelta }
  | { readonly type: 'content_block_stop'; readonly index: number }
  | {
      readonly type: 'message_delta'
      readonly delta: {
        readonly stop_reason: StopReason | string | null
        readonly stop_sequence?: string | null | undefined
      }
      readonly usage?: CanonicalUsage | undefined
    }
  | { readonly type: 'message_stop' }
  | { readonly type: 'ping' }
  | { readonly type: 'error'; readonly error: { readonly type: string; readonly message: string } }
