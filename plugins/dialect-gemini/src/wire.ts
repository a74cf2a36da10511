import type { CanonicalRequest, JsonObject } from '@ccr/sdk'

/** An object of which nothing is known yet. */
export type Fields = Readonly<Record<string, unknown>>

/**
 * The body of a generateContent request, narrowed to what this dialect writes. Keys that begin with `ccr_` are for
 * patches only and never leave the router. Source: https://ai.google.dev/api/generate-content
 */
export interface GeminiBody {
  readonly contents: readonly Content[]
  readonly systemInstruction?: { readonly parts: readonly Part[] } | undefined
  readonly tools?: readonly JsonObject[] | undefined
  readonly toolConfig?: JsonObject | undefined
  readonly generationConfig?: JsonObject | undefined
  /** The canonical request of this body, for patches that need what the wire cannot say. */
  readonly ccr_request?: CanonicalRequest | undefined
  readonly [field: string]: unknown
}

export interface Content {
  readonly role: 'user' | 'model'
  readonly parts: readonly Part[]
}

/** One part of a content; exactly one of its kinds of data is present. */
export interface Part {
  readonly text?: string | undefined
  /** The text is reasoning. */
  readonly thought?: boolean | undefined
  /** Opaque, base64; belongs to this very part. */
  readonly thoughtSignature?: string | undefined
  readonly inlineData?: { readonly mimeType: string; readonly data: string } | undefined
  readonly fileData?: { readonly mimeType?: string | undefined; readonly fileUri: string } | undefined
  readonly functionCall?: FunctionCall | undefined
  readonly functionResponse?: FunctionResponse | undefined
  readonly [field: string]: unknown
}

export interface FunctionCall {
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly args?: JsonObject | undefined
  /** Vertex streams arguments in pieces where it was asked to. */
  readonly partialArgs?: readonly PartialArg[] | undefined
  /** More of this call follows. */
  readonly willContinue?: boolean | undefined
}

/** A piece of the arguments of a call, or of one string of them. */
export interface PartialArg {
  /** RFC 9535, such as `$.steps[0].text`. */
  readonly jsonPath?: string | undefined
  readonly stringValue?: string | undefined
  readonly numberValue?: number | undefined
  readonly boolValue?: boolean | undefined
  readonly nullValue?: unknown
  /** More of this string follows. */
  readonly willContinue?: boolean | undefined
}

export interface FunctionResponse {
  readonly id?: string | undefined
  readonly name: string
  readonly response: JsonObject
  readonly parts?: readonly Part[] | undefined
}

/** One event of a stream, or a whole answer: everything may be absent. */
export interface GeminiEvent {
  readonly candidates?: readonly Candidate[] | null | undefined
  readonly promptFeedback?: { readonly blockReason?: string; readonly blockReasonMessage?: string } | null | undefined
  readonly usageMetadata?: UsageMetadata | null | undefined
  readonly error?: unknown
  readonly [field: string]: unknown
}

export interface Candidate {
  readonly index?: number | undefined
  readonly content?: { readonly role?: string; readonly parts?: readonly (Part | null)[] | null } | null | undefined
  readonly finishReason?: string | null | undefined
  readonly finishMessage?: string | null | undefined
  readonly groundingMetadata?: Fields | null | undefined
}

/** Token counts; each event repeats what is known so far. */
export interface UsageMetadata {
  readonly promptTokenCount?: number | undefined
  readonly toolUsePromptTokenCount?: number | undefined
  readonly cachedContentTokenCount?: number | undefined
  readonly candidatesTokenCount?: number | undefined
  readonly thoughtsTokenCount?: number | undefined
  readonly totalTokenCount?: number | undefined
  readonly [field: string]: unknown
}

/** Whether a value is an object that is no array. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
