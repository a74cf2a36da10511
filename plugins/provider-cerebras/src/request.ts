import { askedThinking, type CanonicalRequest } from '@ccr/sdk'

/** What is read of a Chat Completions request here; see `dialect-openai`. */
export interface ChatBody {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly max_tokens?: number | undefined
  readonly max_completion_tokens?: number | undefined
  readonly reasoning_effort?: unknown
  readonly ccr_request?: CanonicalRequest | undefined
  readonly [field: string]: unknown
}

interface ChatMessage {
  readonly role: string
  readonly reasoning?: unknown
  readonly reasoning_content?: unknown
}

/** Source: https://inference-docs.cerebras.ai/capabilities/reasoning */
const EFFORTS: Readonly<Record<string, string>> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
}

/** What is asked of models that are not to reason; nothing of those without a row, which may not know the field. */
const OFF: readonly { readonly names: RegExp; readonly effort: string }[] = [
  { names: /\bglm\b/i, effort: 'none' },
  // It cannot help reasoning: the least of it comes closest to none.
  { names: /\bgpt-oss\b/i, effort: 'low' },
]

/** A request in the fields of this vendor. */
export function toCerebras(body: ChatBody, offers: (part: string) => boolean): ChatBody {
  const { reasoning_effort: asked, messages, max_tokens, ...rest } = body
  const effort = effortOf(body, asked)
  return {
    ...rest,
    messages: messages.some(isForeign) ? messages.map(withOwnField) : messages,
    ...limitOf(body, offers),
    ...(effort !== undefined && offers('reasoning_effort') && { reasoning_effort: effort }),
  }
}

function limitOf({ max_tokens: limit, max_completion_tokens: own }: ChatBody, offers: (part: string) => boolean) {
  if (limit === undefined || own !== undefined) return undefined
  return offers('max_completion_tokens') ? { max_completion_tokens: limit } : { max_tokens: limit }
}

function effortOf({ model, ccr_request: request }: ChatBody, word: unknown): string | undefined {
  if (word === 'none' || (request && askedThinking(request)?.on === false))
    return OFF.find(({ names }) => names.test(model))?.effort
  return typeof word === 'string' && Object.hasOwn(EFFORTS, word) ? EFFORTS[word] : undefined
}

/** Reasoning in the field of other vendors, which is refused. */
function isForeign({ reasoning_content: given }: ChatMessage): boolean {
  return given !== undefined
}

function withOwnField(message: ChatMessage): ChatMessage {
  const { reasoning_content: reasoning, ...rest } = message
  return reasoning === undefined ? message : { reasoning, ...rest }
}
