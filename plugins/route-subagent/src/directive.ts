import type { CanonicalRequest, ContentBlock, Message, TextBlock } from '@ccr/sdk'

const OPENING = '<CCR-SUBAGENT-MODEL>'
const CLOSING = '</CCR-SUBAGENT-MODEL>'

/** What a request that holds the directive may be searched for: plain letters, which no client escapes. */
export const DIRECTIVE_WORD = 'CCR-SUBAGENT-MODEL'

/** A text that begins with the directive. */
export interface Directive {
  /** What stands between the tags, trimmed. */
  readonly model: string
  /** The text behind them. */
  readonly rest: string
}

/** The directive at the start of a text, white space before it aside; elsewhere it is only talked about. */
export function readDirective(text: string): Directive | undefined {
  const trimmed = text.trimStart()
  if (!trimmed.startsWith(OPENING)) return undefined
  const end = trimmed.indexOf(CLOSING, OPENING.length)
  if (end < 0) return undefined
  return { model: trimmed.slice(OPENING.length, end).trim(), rest: trimmed.slice(end + CLOSING.length).trimStart() }
}

/** A request without its directives. */
export interface Stripped {
  /** Of the first directive. */
  readonly model: string
  readonly request: CanonicalRequest
}

/**
 * Finds the directives in the system prompt and in the messages before the first answer, and takes them out. Nothing
 * when there is none.
 */
export function stripDirectives(request: CanonicalRequest): Stripped | undefined {
  const models: string[] = []
  const system = strippedSystem(request.system, models)
  const messages = strippedMessages(request.messages, models)
  const [model] = models
  if (model === undefined) return undefined
  const stripped: Record<string, unknown> = { ...request, messages }
  if (system === undefined) delete stripped['system']
  else stripped['system'] = system
  // Every other field is the request's own.
  return { model, request: stripped as unknown as CanonicalRequest }
}

function strippedSystem(system: CanonicalRequest['system'], models: string[]): CanonicalRequest['system'] {
  if (typeof system === 'string') return strippedText(system, models)
  if (!Array.isArray(system)) return system
  return strippedBlocks(system as readonly TextBlock[], models) as readonly TextBlock[]
}

function strippedMessages(messages: readonly Message[], models: string[]): readonly Message[] {
  // Nobody has checked the request yet, and one that is malformed is not this plugin's to refuse.
  const received = messages as readonly (Message | null)[]
  const answered = received.findIndex((message) => message?.role === 'assistant')
  const first = answered < 0 ? messages.length : answered
  return messages.map((message, index) => {
    const content = received[index]?.content
    if (index >= first || content === undefined) return message
    const found = models.length
    const own = typeof content === 'string' ? strippedText(content, models) : strippedBlocks(content, models)
    if (models.length === found) return message
    // A message never becomes empty: no provider takes that.
    const isEmpty = own === undefined || own.length === 0
    return { ...message, content: isEmpty ? [{ type: 'text', text: '.' }] : own }
  })
}

/** Blocks that are nothing but a directive are left out. */
function strippedBlocks(blocks: readonly ContentBlock[], models: string[]): readonly ContentBlock[] {
  if (!Array.isArray(blocks)) return blocks
  return (blocks as readonly ContentBlock[]).flatMap((block) => {
    if (block?.type !== 'text' || typeof (block as TextBlock).text !== 'string') return [block]
    const text = strippedText((block as TextBlock).text, models)
    if (text === (block as TextBlock).text) return [block]
    return text === undefined ? [] : [{ ...block, text }]
  })
}

/** Nothing when the directive was all of it. Several in a row are taken out together. */
function strippedText(text: string, models: string[]): string | undefined {
  let rest = text
  for (let found = readDirective(rest); found; found = readDirective(rest)) {
    models.push(found.model)
    rest = found.rest
  }
  return rest === '' && text !== '' ? undefined : rest
}
