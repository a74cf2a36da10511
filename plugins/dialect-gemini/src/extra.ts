import type { CanonicalRequest, JsonObject } from '@ccr/sdk'
import { isFields, type Fields } from './wire.ts'

/** What a client of this API said that the canonical form has no field for; written back only to this API. */
export interface GeminiExtra {
  /** Fields of the body, such as `safetySettings`. */
  readonly fields?: Fields | undefined
  /** Fields of `generationConfig`. */
  readonly generationConfig?: Fields | undefined
  /** Fields of `toolConfig`. */
  readonly toolConfig?: Fields | undefined
  /** Tools that are no functions. */
  readonly tools?: readonly JsonObject[] | undefined
  /** The client takes a stream as one JSON array instead of events. */
  readonly asArray?: boolean | undefined
}

/** The key of this dialect in `extra`. */
export const EXTRA = 'gemini'

/** What {@link EXTRA} holds of a request. */
export function extraOf({ extra }: CanonicalRequest): GeminiExtra {
  const own = extra?.[EXTRA]
  return isFields(own) ? (own as GeminiExtra) : {}
}
