import { askedThinking, type CanonicalRequest } from '@ccr/sdk'

/** What is read of a Chat Completions request here; see `dialect-openai`. */
export interface ChatBody {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly tools?: readonly unknown[] | undefined
  readonly reasoning_effort?: unknown
  readonly ccr_request?: CanonicalRequest | undefined
  readonly [field: string]: unknown
}

interface ChatMessage {
  readonly role: string
  readonly reasoning?: unknown
  readonly reasoning_content?: unknown
}

/** What a family of models takes. Source: https://console.groq.com/docs/reasoning */
interface Family {
  readonly names: RegExp
  /** Its reasoning stands inside of the text, unless it is asked for apart. */
  readonly apart: boolean
  /** Its words for an effort, by those of clients; others are left out. */
  readonly efforts: Readonly<Record<string, string>>
}

const LEVELS = { minimal: 'low', low: 'low', medium: 'medium', high: 'high', xhigh: 'high', max: 'high' }

/** They reason or they do not. */
const SWITCH = {
  none: 'none',
  minimal: 'default',
  low: 'default',
  medium: 'default',
  high: 'default',
  xhigh: 'default',
  max: 'default',
}

const FAMILIES: readonly Family[] = [
  // They cannot help reasoning, so that the least of it comes closest to none.
  { names: /\bgpt-oss\b/i, apart: false, efforts: { ...LEVELS, none: 'low' } },
  { names: /\bqwen-?3/i, apart: true, efforts: SWITCH },
  { names: /\bqwq\b|\bdeepseek-r1\b/i, apart: true, efforts: {} },
]

/** Of models without a row nothing is known but the words that any model may take. */
const OTHERS: Family = { names: /^/, apart: false, efforts: LEVELS }

/** A request that asks for reasoning in the words of its model, and for it apart from the text. */
export function withReasoning(body: ChatBody, offers: (part: string) => boolean): ChatBody {
  const family = FAMILIES.find(({ names }) => names.test(body.model)) ?? OTHERS
  const { reasoning_effort: asked, messages, ...rest } = body
  const word = isOff(body) ? 'none' : asked
  const effort = typeof word === 'string' && Object.hasOwn(family.efforts, word) ? family.efforts[word] : undefined
  return {
    ...rest,
    messages: messages.some(isForeign) ? messages.map(withOwnField) : messages,
    ...(effort !== undefined && offers('reasoning_effort') && { reasoning_effort: effort }),
    ...(family.apart && !isShaped(body) && offers('reasoning_format') && { reasoning_format: 'parsed' }),
  }
}

function isOff({ ccr_request: request }: ChatBody): boolean {
  return request !== undefined && askedThinking(request)?.on === false
}

/** A client of this protocol has said itself how reasoning is to come: by one of two fields that exclude each other. */
function isShaped(body: ChatBody): boolean {
  return body['reasoning_format'] !== undefined || body['include_reasoning'] !== undefined
}

/** Reasoning in the field of other vendors, which is refused. */
function isForeign({ reasoning_content: given }: ChatMessage): boolean {
  return given !== undefined
}

function withOwnField(message: ChatMessage): ChatMessage {
  const { reasoning_content: reasoning, ...rest } = message
  return reasoning === undefined ? message : { reasoning, ...rest }
}
