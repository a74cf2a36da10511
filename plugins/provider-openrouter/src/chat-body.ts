import type { CanonicalRequest } from '@ccr/sdk'

/** What is read of a Chat Completions request here; see `dialect-openai`. */
export interface ChatBody {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly max_tokens?: number | undefined
  readonly max_completion_tokens?: number | undefined
  readonly reasoning_effort?: unknown
  /** Of a client of that protocol, which may write fields of its vendor. */
  readonly reasoning?: unknown
  readonly ccr_request?: CanonicalRequest | undefined
  readonly [field: string]: unknown
}

export interface ChatMessage {
  readonly role: string
  readonly content?: string | null | readonly ChatPart[] | undefined
}

export interface ChatPart {
  readonly type: string
  readonly [field: string]: unknown
}
