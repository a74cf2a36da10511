import { mergeUsage, messageEvents, parseObject, writeJson } from '@ccr/sdk'
import type { CanonicalEvent, CanonicalMessage, CanonicalUsage, ClientEncoder, Exchange, FailureReply } from '@ccr/sdk'
import { RAW_PART } from './content.ts'
import { toGoogleError } from './errors.ts'
import { extraOf } from './extra.ts'
import { readCarried, wrapSignature, type PartSignature } from './signatures.ts'
import { fromUsage } from './usage.ts'
import { isFields, type Fields, type Part } from './wire.ts'

/** Writes canonical events as server-sent events, or as one JSON array where a client asked for no events. */
export function createEncoder({ request }: Pick<Exchange, 'request'>): ClientEncoder {
  return extraOf(request).asArray ? createArrayEncoder() : createEventEncoder()
}

function createEventEncoder(): ClientEncoder {
  const answer = new AnswerWriter()
  const frame = (value: object): string => `data: ${writeJson(value)}\n\n`
  return {
    contentType: 'text/event-stream; charset=utf-8',
    events(batch) {
      const chunk = answer.take(batch)
      return chunk ? frame(chunk) : ''
    },
    ping: () => ': ping\n\n',
    failure: (reply) => frame(toGoogleError(reply)),
  }
}

function createArrayEncoder(): ClientEncoder {
  const answer = new AnswerWriter()
  let began = false
  const element = (value: object): string => {
    const text = `${began ? ',\n' : '['}${writeJson(value)}`
    began = true
    return text
  }
  return {
    contentType: 'application/json; charset=utf-8',
    events(batch) {
      const chunk = answer.take(batch)
      return `${chunk ? element(chunk) : ''}${batch.some(({ type }) => type === 'message_stop') ? ']' : ''}`
    },
    // White space may stand between any two elements.
    ping: () => '\n',
    failure: (reply: FailureReply) => `${element(toGoogleError(reply))}]`,
  }
}

/** A whole answer. */
export function toAnswer(message: CanonicalMessage): object {
  return new AnswerWriter().take(messageEvents(message)) ?? {}
}

interface Call {
  readonly id: string
  readonly name: string
  /** The arguments, where the block came whole. */
  readonly input: unknown
  json: string
}

/** Collects the events of one answer into chunks: one for each batch that says something. */
class AnswerWriter {
  #id = ''
  #model = ''
  #usage: CanonicalUsage = {}
  #parts: Part[] = []
  #call: Call | undefined
  #signature: string | undefined
  /** Signatures of parts that have not come yet. */
  #pending: PartSignature[] = []
  readonly #queries: string[] = []
  readonly #sources: { readonly uri: string; readonly title: string }[] = []

  take(batch: readonly CanonicalEvent[]): object | undefined {
    let finishReason: string | undefined
    for (const event of batch) {
      switch (event.type) {
        case 'message_start':
          this.#id = event.message.id
          this.#model = event.message.model
          this.#usage = event.message.usage
          break
        case 'content_block_start':
          this.#start(event.content_block as Fields)
          break
        case 'content_block_delta':
          this.#delta(event.delta as Fields)
          break
        case 'content_block_stop':
          this.#stop()
          break
        case 'message_delta':
          this.#usage = mergeUsage(this.#usage, event.usage)
          finishReason = FINISH[event.delta.stop_reason ?? ''] ?? 'STOP'
          break
        default:
      }
    }
    if (this.#parts.length === 0 && finishReason === undefined) return undefined
    return this.#chunk(finishReason)
  }

  #chunk(finishReason: string | undefined): object {
    // Clients take a content without any part for a broken one.
    const parts = this.#parts.length > 0 ? this.#parts : [{ text: '' }]
    this.#parts = []
    const isGrounded = finishReason !== undefined && this.#sources.length > 0
    const groundingMetadata = {
      webSearchQueries: this.#queries,
      groundingChunks: this.#sources.map((web) => ({ web })),
    }
    const candidate = {
      content: { role: 'model', parts },
      ...(finishReason !== undefined && { finishReason }),
      index: 0,
      ...(isGrounded && { groundingMetadata }),
    }
    return {
      candidates: [candidate],
      ...(finishReason !== undefined && { usageMetadata: fromUsage(this.#usage) }),
      modelVersion: this.#model,
      responseId: this.#id,
    }
  }

  #start(block: Fields): void {
    switch (block['type']) {
      case 'text':
        return this.#text(block['text'])
      case 'thinking':
        this.#signature = typeof block['signature'] === 'string' ? block['signature'] : ''
        return this.#thought(block['thinking'])
      case 'tool_use':
      case 'server_tool_use':
      case 'mcp_tool_use': {
        const { id, name, input } = block
        const called = block['type'] === 'tool_use' ? String(name) : ''
        this.#call = { id: String(id), name: called, input, json: '' }
        return
      }
      case 'web_search_tool_result':
        return this.#found(block['content'])
      case 'image':
        return this.#image(block['source'])
      case RAW_PART:
        if (isFields(block['part'])) this.#parts.push(block['part'])
        return
      default:
    }
  }

  #delta(delta: Fields): void {
    switch (delta['type']) {
      case 'text_delta':
        return this.#text(delta['text'])
      case 'thinking_delta':
        return this.#thought(delta['thinking'])
      case 'signature_delta':
        if (typeof delta['signature'] === 'string') this.#signature = delta['signature']
        return
      case 'input_json_delta':
        if (this.#call) this.#call.json += String(delta['partial_json'] ?? '')
        return
      default:
    }
  }

  #stop(): void {
    const call = this.#call
    const signature = this.#signature
    this.#call = undefined
    this.#signature = undefined
    if (call) this.#finishCall(call)
    else if (signature) this.#sign(signature)
  }

  /** Arguments that the token limit cut are no call. */
  #finishCall({ id, name, input, json }: Call): void {
    const args = json === '' ? (isFields(input) ? input : {}) : parseObject(json)
    if (!args) return
    if (name !== '') this.#push({ functionCall: { id, name, args } }, 'call')
    else if (typeof args['query'] === 'string' && args['query'] !== '') this.#queries.push(args['query'])
  }

  #sign(signature: string): void {
    const carried = readCarried({ type: 'thinking', thinking: '', signature })
    const signatures: readonly PartSignature[] = carried?.signatures ?? [
      { on: 'thought', signature: wrapSignature(signature) },
    ]
    for (const { on, signature: thoughtSignature } of signatures) {
      if (on === 'thought') this.#thought('', thoughtSignature)
      else if (on === 'empty') this.#parts.push({ text: '', thoughtSignature })
      else this.#pending.push({ on, signature: thoughtSignature })
    }
  }

  #text(text: unknown): void {
    if (typeof text !== 'string' || text === '') return
    const last = this.#parts.at(-1)
    const isPlain = last?.text !== undefined && !last.thought && last.thoughtSignature === undefined
    if (isPlain && !this.#pending.some(({ on }) => on === 'text'))
      this.#parts[this.#parts.length - 1] = { text: last.text! + text }
    else this.#push({ text }, 'text')
  }

  /** A signature goes to the thought that stands before it, when that is still here. */
  #thought(text: unknown, thoughtSignature?: string): void {
    if (typeof text !== 'string' || (text === '' && thoughtSignature === undefined)) return
    const last = this.#parts.at(-1)
    const joins = last?.thought === true && last.thoughtSignature === undefined
    const part: Part = {
      text: (joins ? last.text! : '') + text,
      thought: true,
      ...(thoughtSignature && { thoughtSignature }),
    }
    if (joins) this.#parts[this.#parts.length - 1] = part
    else this.#parts.push(part)
  }

  #push(part: Part, kind: PartSignature['on']): void {
    const at = this.#pending.findIndex(({ on }) => on === kind)
    const [found] = at < 0 ? [] : this.#pending.splice(at, 1)
    this.#parts.push(found ? { ...part, thoughtSignature: found.signature } : part)
  }

  #image(source: unknown): void {
    if (!isFields(source) || typeof source['data'] !== 'string') return
    this.#push({ inlineData: { mimeType: String(source['media_type']), data: source['data'] } }, 'image')
  }

  #found(content: unknown): void {
    for (const result of Array.isArray(content) ? (content as readonly unknown[]) : []) {
      if (!isFields(result) || typeof result['url'] !== 'string') continue
      this.#sources.push({ uri: result['url'], title: typeof result['title'] === 'string' ? result['title'] : '' })
    }
  }
}

/** Everything else is the end of a turn. */
const FINISH: Readonly<Record<string, string | undefined>> = {
  max_tokens: 'MAX_TOKENS',
  model_context_window_exceeded: 'MAX_TOKENS',
  refusal: 'SAFETY',
}
