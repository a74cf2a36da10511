import type { CanonicalRequest, JsonObject } from '@ccr/sdk'

/** An object of the wire whose fields are not trusted yet. */
export type Fields = Readonly<Record<string, unknown>>

/**
 * The body of a Responses request, narrowed to what this dialect writes. Patches may add fields of their vendor; keys
 * that begin with `ccr_` are for patches only and never leave the router.
 * Source: https://platform.openai.com/docs/api-reference/responses/create
 */
export interface ResponsesBody {
  readonly model: string
  readonly input: readonly InputItem[]
  readonly stream: boolean
  readonly store: false
  readonly instructions?: string | undefined
  readonly include?: readonly string[] | undefined
  readonly max_output_tokens?: number | undefined
  readonly temperature?: number | undefined
  readonly top_p?: number | undefined
  readonly tools?: readonly WireTool[] | undefined
  readonly tool_choice?: unknown
  readonly parallel_tool_calls?: boolean | undefined
  readonly reasoning?: JsonObject | undefined
  readonly text?: JsonObject | undefined
  readonly prompt_cache_key?: string | undefined
  /** The canonical request of this body, for patches that need what the wire form cannot say. */
  readonly ccr_request?: CanonicalRequest | undefined
  readonly [extension: string]: unknown
}

export type WireTool = FunctionTool | Fields

export interface FunctionTool {
  readonly type: 'function'
  readonly name: string
  readonly description: string
  readonly parameters: JsonObject
  readonly strict: boolean
}

export type InputPart =
  | { readonly type: 'input_text'; readonly text: string }
  | { readonly type: 'input_image'; readonly detail: string; readonly image_url: string }
  | { readonly type: 'input_image'; readonly detail: string; readonly file_id: string }
  | ({ readonly type: 'input_file'; readonly filename?: string } & (
      { readonly file_data: string } | { readonly file_url: string } | { readonly file_id: string }
    ))

export type InputItem =
  | {
      readonly type: 'message'
      readonly role: 'user' | 'system' | 'developer'
      readonly content: string | readonly InputPart[]
    }
  | AssistantItem
  | {
      readonly type: 'function_call'
      readonly call_id: string
      readonly name: string
      readonly arguments: string
      readonly namespace?: string
    }
  | { readonly type: 'custom_tool_call'; readonly call_id: string; readonly name: string; readonly input: string }
  | {
      readonly type: 'function_call_output' | 'custom_tool_call_output'
      readonly call_id: string
      readonly output: string | readonly InputPart[]
    }
  | ReasoningItem
  /** An item that a client of this dialect sent and only targets of this dialect understand. */
  | (Fields & { readonly type: string })

export interface AssistantItem {
  readonly type: 'message'
  readonly id: string
  readonly role: 'assistant'
  readonly status: 'completed'
  readonly content: readonly [
    { readonly type: 'output_text'; readonly text: string; readonly annotations: readonly [] },
  ]
  readonly phase?: string
}

/** A reasoning item as it is replayed. */
export interface ReasoningItem {
  readonly type: 'reasoning'
  readonly id?: string
  readonly summary: readonly unknown[]
  readonly content?: readonly unknown[]
  readonly encrypted_content?: string
}

/**
 * An event of a stream as compatible servers send it: everything may be absent. A whole answer becomes the events that
 * say it at once. Source: https://platform.openai.com/docs/api-reference/responses-streaming
 */
export interface ResponsesEvent {
  readonly type?: unknown
  readonly response?: unknown
  readonly item?: unknown
  readonly item_id?: unknown
  readonly output_index?: unknown
  readonly content_index?: unknown
  readonly summary_index?: unknown
  readonly delta?: unknown
  readonly text?: unknown
  readonly refusal?: unknown
  readonly arguments?: unknown
  readonly input?: unknown
  readonly name?: unknown
  readonly annotation?: unknown
  readonly error?: unknown
  readonly [field: string]: unknown
}

/** The object a value is, or an empty one. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : NONE
}

const NONE: Fields = {}

/** The list a value is, or an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}

/** The text a value is, or an empty one. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
