import { askedThinking, type CanonicalRequest, isObject } from '@ccr/sdk'

/** What is read of a Chat Completions request here; see `dialect-openai`. */
export interface ChatBody {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly tool_choice?: unknown
  readonly reasoning_effort?: unknown
  /** Of a client of that protocol, which may write fields of its vendor. */
  readonly thinking?: unknown
  readonly ccr_request?: CanonicalRequest | undefined
  readonly [field: string]: unknown
}

interface ChatMessage {
  readonly role: string
  readonly tool_calls?: readonly unknown[] | undefined
  readonly reasoning_content?: unknown
}

/**
 * Models that think unless they are told not to; of others that is not known.
 * Source: https://api-docs.deepseek.com/guides/thinking_mode
 */
const THINKERS = /(?:^|\/)deepseek-(?:reasoner|flash|pro|v(?:[4-9]|\d\d))/i

/** The vendor's words for an effort, of which there are three. */
const EFFORTS: Readonly<Record<string, string>> = {
  minimal: 'low',
  low: 'low',
  medium: 'high',
  high: 'high',
  xhigh: 'high',
  max: 'max',
  ultra: 'max',
}

/** What the thinking mode takes no notice of. */
const WITHOUT_EFFECT = ['temperature', 'presence_penalty', 'frequency_penalty'] as const

/** The reasoning of a turn that has none, such as one of another model; an empty text is refused as missing. */
const NO_REASONING = ' '

/** A request whose model thinks, or not, as the client asks, by the rules of the vendor's thinking mode. */
export function withThinking(body: ChatBody, offers: (part: string) => boolean): ChatBody {
  const on = thinks(body)
  const changed: Record<string, unknown> = { ...body }
  delete changed['reasoning_effort']
  const effort = on === false ? undefined : effortOf(body.reasoning_effort)
  if (effort !== undefined) changed['reasoning_effort'] = effort
  if (on === undefined) return changed as ChatBody
  if (isSaid(body, on) && offers('thinking')) changed['thinking'] = { type: on ? 'enabled' : 'disabled' }
  if (!on) return changed as ChatBody
  for (const field of WITHOUT_EFFECT) delete changed[field]
  if (body.messages.some(lacksReasoning) && offers('reasoning_content'))
    changed['messages'] = body.messages.map((message) =>
      lacksReasoning(message) ? { ...message, reasoning_content: NO_REASONING } : message,
    )
  return changed as ChatBody
}

/**
 * Whether the model thinks; nothing where neither the client nor the model says so. In its thinking mode no call can be
 * forced, and a call that is asked for is worth more than the thoughts before it.
 */
function thinks(body: ChatBody): boolean | undefined {
  const asked = body.ccr_request && askedThinking(body.ccr_request)
  if (isObject(body.thinking)) return body.thinking['type'] !== 'disabled'
  const on = asked?.on ?? (THINKERS.test(body.model) || undefined)
  return on && isForced(body.tool_choice) ? false : on
}

/** The mode is said where the client asks for one, and where it is to be another than the model's own. */
function isSaid({ thinking, ccr_request }: ChatBody, on: boolean): boolean {
  if (isObject(thinking)) return false
  return !on || (ccr_request !== undefined && askedThinking(ccr_request) !== undefined)
}

function isForced(choice: unknown): boolean {
  return choice === 'required' || isObject(choice)
}

function effortOf(word: unknown): string | undefined {
  return typeof word === 'string' && Object.hasOwn(EFFORTS, word) ? EFFORTS[word] : undefined
}

/** Calls without the thoughts behind them, which every later request has to give back. */
function lacksReasoning({ role, tool_calls, reasoning_content: given }: ChatMessage): boolean {
  if (role !== 'assistant' || !tool_calls?.length) return false
  return typeof given !== 'string' || given === ''
}
