import { tokenCounts, writeJson } from '@ccr/sdk'
import type { CanonicalMessage, CanonicalUsage, ContentBlock, Exchange, ThinkingBlock } from '@ccr/sdk'
import { toClientDetails } from './client-details.ts'
import { isRefusal } from './refusal.ts'

/** Why an answer ended, in this protocol's words; every other reason is a stop. */
const REASONS: ReadonlyMap<string | null, string> = new Map([
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool_calls'],
  ['refusal', 'content_filter'],
])

/** The finish reason for a canonical stop reason; an answer that says that it `refuses` has simply ended. */
export function finishReason(stopReason: string | null, refuses: boolean): string {
  if (refuses && stopReason === 'refusal') return 'stop'
  return REASONS.get(stopReason) ?? 'stop'
}

/** Usage in this protocol's words: the prompt includes what was read from and written to a cache. */
export function toChatUsage(usage: CanonicalUsage): object {
  const { input, cacheRead, cacheCreation, output, reasoning } = tokenCounts(usage)
  const prompt = input + cacheRead + cacheCreation
  return {
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens: prompt + output,
    prompt_tokens_details: { cached_tokens: cacheRead, cache_write_tokens: cacheCreation },
    completion_tokens_details: { reasoning_tokens: reasoning },
  }
}

/** The identifier of an answer in this protocol's form. */
export function answerId(id: string): string {
  return `chatcmpl-${id.replace(/^msg_/, '')}`
}

/** Seconds since the epoch. */
export function createdAt({ startedAt }: Exchange): number {
  return Math.floor(startedAt / 1000)
}

/** A source as `annotations` name it; nothing for a citation of something else than the web. */
export function toAnnotation(citation: unknown, start: number, end: number): object | undefined {
  const { type, url, title } = (citation ?? {}) as { type?: unknown; url?: unknown; title?: unknown }
  if (type !== 'web_search_result_location' || typeof url !== 'string') return undefined
  return { type: 'url_citation', url_citation: { url, title: title ?? url, start_index: start, end_index: end } }
}

/** What stands in the text for a picture, which an answer of this protocol has no field for. */
export function nameImage(block: ContentBlock): string {
  const { url, file_id, media_type } = (block as { readonly source: Readonly<Record<string, unknown>> }).source
  const which = [url, file_id].find((place) => typeof place === 'string') ?? `of type ${String(media_type)}`
  return `[image ${String(which)} cannot be shown here]`
}

/** A whole answer. */
export function toCompletion(message: CanonicalMessage, exchange: Exchange): object {
  const said: Said = { content: '', refusal: '', reasoning: '', details: [], calls: [], annotations: [] }
  for (const block of message.content) addBlock(said, block as Block)
  const { content, refusal, reasoning, details, calls, annotations } = said
  return {
    id: answerId(message.id),
    object: 'chat.completion',
    created: createdAt(exchange),
    model: message.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: content === '' && (calls.length > 0 || refusal !== '') ? null : content,
          refusal: refusal === '' ? null : refusal,
          ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
          ...(details.length > 0 ? { reasoning_details: details } : {}),
          ...(calls.length > 0 ? { tool_calls: calls } : {}),
          ...(annotations.length > 0 ? { annotations } : {}),
        },
        logprobs: null,
        finish_reason: finishReason(message.stop_reason, refusal !== ''),
      },
    ],
    usage: toChatUsage(message.usage),
  }
}

type Block = ContentBlock & Readonly<Record<string, unknown>>

interface Said {
  content: string
  refusal: string
  reasoning: string
  readonly details: object[]
  readonly calls: object[]
  readonly annotations: object[]
}

/** What the server did by itself (its searches and their results) has no place but the citations. */
function addBlock(said: Said, block: Block): void {
  switch (block.type) {
    case 'text': {
      if (isRefusal(block)) {
        said.refusal += block['text'] as string
        return
      }
      const start = said.content.length
      said.content += block['text'] as string
      for (const citation of (block['citations'] ?? []) as readonly unknown[]) {
        const annotation = toAnnotation(citation, start, said.content.length)
        if (annotation) said.annotations.push(annotation)
      }
      return
    }
    case 'image':
      said.content += nameImage(block)
      return
    case 'thinking':
      said.reasoning += block['thinking'] as string
      said.details.push(...toClientDetails(block as ThinkingBlock))
      return
    case 'tool_use': {
      const called = { name: block['name'], arguments: writeJson(block['input'] ?? {}) }
      said.calls.push({ id: block['id'], type: 'function', function: called })
      return
    }
    default:
  }
}
