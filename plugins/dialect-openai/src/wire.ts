import type { CanonicalRequest, JsonObject } from '@ccr/sdk'

/**
 * The body of a Chat Completions request, narrowed to what this dialect writes. Patches may add fields of their vendor;
 * keys that begin with `ccr_` are for patches only and never leave the router.
 * Source: https://platform.openai.com/docs/api-reference/chat/create
 */
export interface ChatBody {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly stream: boolean
  readonly stream_options?: { readonly include_usage: boolean } | undefined
  readonly max_tokens?: number | undefined
  readonly max_completion_tokens?: number | undefined
  readonly temperature?: number | undefined
  readonly top_p?: number | undefined
  readonly stop?: readonly string[] | undefined
  readonly tools?: readonly ChatTool[] | undefined
  readonly tool_choice?:
    | 'auto'
    | 'none'
    | 'required'
    | { readonly type: 'function'; readonly function: { readonly name: string } }
    | undefined
  readonly parallel_tool_calls?: boolean | undefined
  readonly reasoning_effort?: string | undefined
  readonly response_format?: JsonObject | undefined
  /** The canonical request of this body, for patches that need what Chat Completions cannot say. */
  readonly ccr_request?: CanonicalRequest | undefined
  readonly [extension: string]: unknown
}

export type ChatMessage =
  | { readonly role: 'system'; readonly content: string }
  | { readonly role: 'user'; readonly content: string | readonly ChatPart[] }
  | AssistantMessage
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string }

export interface AssistantMessage {
  readonly role: 'assistant'
  readonly content: string | null
  readonly tool_calls?: readonly ChatCall[] | undefined
  readonly reasoning_content?: string | undefined
  readonly reasoning?: string | undefined
  readonly reasoning_details?: readonly JsonObject[] | undefined
}

export type ChatPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string; readonly detail?: string } }
  | { readonly type: 'file'; readonly file: FileSource }
  | { readonly type: 'input_audio'; readonly input_audio: JsonObject }

/** A file by its bytes (a data URL) or by its id at the provider. */
export interface FileSource {
  readonly filename?: string | undefined
  readonly file_data?: string | undefined
  readonly file_id?: string | undefined
}

export interface ChatCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
}

export interface ChatTool {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description: string
    readonly parameters: JsonObject
    readonly strict?: boolean | undefined
  }
}

/** What the reader makes of one server-sent event: a chunk, or `[DONE]`. */
export type ChatEvent = ChatChunk | { readonly done: true }

/**
 * A chunk as compatible servers send it: everything may be absent or null. A whole answer becomes one chunk whose
 * `delta` is its message. Source: https://platform.openai.com/docs/api-reference/chat-streaming
 */
export interface ChatChunk {
  readonly choices?: readonly ChatChoice[] | null | undefined
  readonly usage?: ChatUsage | null | undefined
  readonly x_groq?: { readonly usage?: ChatUsage | null | undefined } | null | undefined
  readonly error?: unknown
  readonly [field: string]: unknown
}

export interface ChatChoice {
  readonly index?: number | null | undefined
  readonly delta?: ChatDelta | null | undefined
  /** In the place of a delta, from servers that put a whole answer into a stream. */
  readonly message?: ChatDelta | null | undefined
  readonly finish_reason?: string | null | undefined
  /** The stop sequence that matched, as vLLM names it. */
  readonly stop_reason?: unknown
  /** The same, as SGLang names it. */
  readonly matched_stop?: unknown
  readonly usage?: ChatUsage | null | undefined
  readonly error?: unknown
}

export interface ChatDelta {
  readonly content?: string | readonly unknown[] | null | undefined
  readonly reasoning_content?: unknown
  readonly reasoning?: unknown
  readonly reasoning_details?: unknown
  /** Made by wire transforms, which may know a signature. */
  readonly thinking?: unknown
  readonly refusal?: string | null | undefined
  readonly annotations?: readonly unknown[] | null | undefined
  readonly tool_calls?: readonly (CallDelta | null)[] | null | undefined
  readonly function_call?: FunctionDelta | null | undefined
}

export interface CallDelta {
  readonly index?: number | null | undefined
  readonly id?: string | number | null | undefined
  readonly function?: FunctionDelta | null | undefined
}

export interface FunctionDelta {
  readonly name?: string | null | undefined
  /** A string by the specification, an object from some servers. */
  readonly arguments?: unknown
}

export interface ChatUsage {
  readonly prompt_tokens?: unknown
  readonly completion_tokens?: unknown
  readonly prompt_tokens_details?:
    { readonly cached_tokens?: unknown; readonly cache_write_tokens?: unknown } | null | undefined
  readonly completion_tokens_details?: { readonly reasoning_tokens?: unknown } | null | undefined
  /** Where `prompt_tokens_details` is absent: DeepSeek's and Moonshot's names. */
  readonly prompt_cache_hit_tokens?: unknown
  readonly cached_tokens?: unknown
}
