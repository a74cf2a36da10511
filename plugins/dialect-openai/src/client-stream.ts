import { mergeUsage, writeJson } from '@ccr/sdk'
import type { CanonicalEvent, CanonicalUsage, ClientEncoder, Exchange } from '@ccr/sdk'
import { answerId, createdAt, finishReason, nameImage, toAnnotation, toChatUsage } from './client-answer.ts'
import { toChatError } from './client-error.ts'
import { toClientDetails } from './client-details.ts'
import { wantsUsage } from './chat-fields.ts'
import { isRefusal } from './refusal.ts'

type EventOf<Type extends CanonicalEvent['type']> = Extract<CanonicalEvent, { type: Type }>

/**
 * Writes canonical events as chunks: the role first, then content, reasoning and calls as they come, the finish reason,
 * the usage where it was asked for, and `[DONE]`. What has no form in this protocol is left out: signatures of other
 * vendors, redacted thinking, searches of the server.
 * Source: https://platform.openai.com/docs/api-reference/chat-streaming
 */
export function createChatEncoder(exchange: Exchange): ClientEncoder {
  const encoder = new ChunkEncoder(createdAt(exchange), wantsUsage(exchange.request))
  return {
    contentType: 'text/event-stream; charset=utf-8',
    events: (batch) => encoder.events(batch),
    ping: () => ': ping\n\n',
    failure: (reply) => dataFrame(toChatError(reply)),
  }
}

class ChunkEncoder {
  readonly #created: number
  readonly #withUsage: boolean
  /** What every chunk begins with, up to its delta, and ends with. */
  #head = ''
  #tail = ''
  #usage: CanonicalUsage = {}
  /** Number of the call that was started last. */
  #call = -1
  /** The input of the open call, as long as no fragment of its arguments came. */
  #input: unknown
  /** Characters of content, and how many there were when the open text block began. */
  #characters = 0
  #textStart = 0
  /** Sources of the open text block, whose end is not known before it is closed. */
  #citations: unknown[] = []
  /** The open text refuses; one of the answer did. */
  #refusing = false
  #refuses = false
  /** The thinking of the open block, to which its details belong. */
  #thought = ''

  constructor(created: number, withUsage: boolean) {
    this.#created = created
    this.#withUsage = withUsage
  }

  events(batch: readonly CanonicalEvent[]): string {
    let text = ''
    for (const event of batch) text += this.#event(event)
    return text
  }

  #event(event: CanonicalEvent): string {
    switch (event.type) {
      case 'message_start':
        return this.#start(event)
      case 'content_block_start':
        return this.#blockStart(event)
      case 'content_block_delta':
        return this.#blockDelta(event)
      case 'content_block_stop':
        return this.#annotations() + this.#blockStop()
      case 'message_delta':
        return this.#stop(event)
      case 'message_stop':
        return 'data: [DONE]\n\n'
      case 'error':
        return dataFrame({ error: { message: event.error.message, type: event.error.type, param: null, code: null } })
      default:
        return ''
    }
  }

  #start({ message }: EventOf<'message_start'>): string {
    this.#usage = message.usage
    const head = { id: answerId(message.id), object: 'chat.completion.chunk', created: this.#created }
    this.#head = `data: ${JSON.stringify({ ...head, model: message.model }).slice(0, -1)},"choices":[`
    this.#tail = this.#withUsage ? '],"usage":null}\n\n' : ']}\n\n'
    return this.#chunk('{"role":"assistant","content":"","refusal":null}')
  }

  #blockStart({ content_block: block }: EventOf<'content_block_start'>): string {
    this.#textStart = this.#characters
    this.#input = undefined
    this.#refusing = false
    this.#thought = ''
    if (block.type === 'text' && isRefusal(block)) this.#refuses = this.#refusing = true
    if (block.type === 'text') return this.#content((block as { text?: string }).text ?? '')
    if (block.type === 'image') return this.#content(nameImage(block))
    if (block.type === 'thinking') return this.#reasoning((block as { thinking?: string }).thinking ?? '')
    if (block.type !== 'tool_use') return ''
    const { id, name, input } = block as { id: string; name: string; input?: unknown }
    this.#input = input ?? {}
    const call = { index: ++this.#call, id, type: 'function', function: { name, arguments: '' } }
    return this.#chunk(JSON.stringify({ tool_calls: [call] }))
  }

  #blockDelta({ delta }: EventOf<'content_block_delta'>): string {
    switch (delta.type) {
      case 'text_delta':
        return this.#content(delta.text)
      case 'thinking_delta':
        return this.#reasoning(delta.thinking)
      case 'input_json_delta':
        return this.#arguments(delta.partial_json)
      case 'citations_delta':
        this.#citations.push(delta.citation)
        return ''
      case 'signature_delta':
        return this.#details(delta.signature)
      default:
        return ''
    }
  }

  #content(text: string): string {
    if (this.#refusing) return text === '' ? '' : this.#chunk(`{"refusal":${JSON.stringify(text)}}`)
    this.#characters += text.length
    return text === '' ? '' : this.#chunk(`{"content":${JSON.stringify(text)}}`)
  }

  #reasoning(text: string): string {
    this.#thought += text
    return text === '' ? '' : this.#chunk(`{"reasoning_content":${JSON.stringify(text)}}`)
  }

  #details(signature: string): string {
    const reasoning_details = toClientDetails({ type: 'thinking', thinking: this.#thought, signature })
    return reasoning_details.length > 0 ? this.#chunk(JSON.stringify({ reasoning_details })) : ''
  }

  /** Fragments of a call that the server makes itself are nothing to the client. */
  #arguments(fragment: string): string {
    if (this.#input === undefined || fragment === '') return ''
    this.#input = null
    const text = JSON.stringify(fragment)
    return this.#chunk(`{"tool_calls":[{"index":${this.#call},"function":{"arguments":${text}}}]}`)
  }

  #annotations(): string {
    if (this.#citations.length === 0) return ''
    const annotations = this.#citations
      .map((citation) => toAnnotation(citation, this.#textStart, this.#characters))
      .filter((annotation) => annotation !== undefined)
    this.#citations = []
    return annotations.length > 0 ? this.#chunk(JSON.stringify({ annotations })) : ''
  }

  /** A call whose whole input stood in its start has had no fragments. */
  #blockStop(): string {
    const input = this.#input
    if (input === undefined || input === null) return ''
    const text = this.#arguments(writeJson(input))
    this.#input = undefined
    return text
  }

  #stop({ delta, usage }: EventOf<'message_delta'>): string {
    this.#usage = mergeUsage(this.#usage, usage)
    if (typeof delta?.stop_reason !== 'string') return ''
    const finish = this.#chunk('{}', `"${finishReason(delta.stop_reason, this.#refuses)}"`)
    return this.#withUsage ? `${finish}${this.#head}],"usage":${JSON.stringify(toChatUsage(this.#usage))}}\n\n` : finish
  }

  #chunk(delta: string, finish = 'null'): string {
    return `${this.#head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}${this.#tail}`
  }
}

function dataFrame(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}
