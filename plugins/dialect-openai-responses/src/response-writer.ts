import { mergeUsage, parseObject, verdictOfType } from '@ccr/sdk'
import type {
  BlockDelta,
  CanonicalEvent,
  CanonicalUsage,
  ContentBlock,
  Exchange,
  FailureReply,
  FailureType,
} from '@ccr/sdk'
import { toErrorObject } from './errors.ts'
import {
  firstText,
  isCustom,
  kindOf,
  PREFIXES,
  summaryPart,
  textPart,
  toAnnotations,
  toItem,
  type OutputItem,
} from './output-items.ts'
import type { KeptItems } from './kept-items.ts'
import { DIALECT, readTools, type OwnTools } from './own-tools.ts'
import { isRefusal } from './original.ts'
import { responseOf } from './response-object.ts'
import { fromUsage } from './usage.ts'
import { fieldsOf, textOf, type Fields } from './wire.ts'

/** Takes one event of the stream. */
export type Send = (type: string, event: Fields) => void

/**
 * Canonical events → the events of a Responses stream, each with its number. A call whose arguments were cut is
 * announced but never finished, and the answer does not hold it.
 */
export class ResponseWriter {
  readonly #exchange: Exchange
  readonly #items: KeptItems
  readonly #send: Send
  readonly #tools: OwnTools
  /** A client that has nothing stored refers to nothing. */
  readonly #keeps: boolean
  readonly #id: string
  readonly #output: Fields[] = []
  #number = 0
  #count = 0
  #model: string
  #open: OutputItem | undefined
  /** A call that has ended without complete arguments; whether it was cut is known at the end. */
  #doubtful: OutputItem | undefined
  #usage: CanonicalUsage = {}
  #stop: string | null = null
  /** A text of the answer says that the model refuses, so that it has simply ended. */
  #refuses = false
  #response: Fields | undefined

  constructor(exchange: Exchange, items: KeptItems, send: Send) {
    const own = fieldsOf(exchange.request.extra?.[DIALECT])
    this.#exchange = exchange
    this.#items = items
    this.#send = send
    this.#tools = readTools(own['tools'])
    this.#keeps = own['store'] !== false
    this.#id = exchange.newId('resp_')
    this.#model = exchange.request.model
  }

  /** The answer as it is so far. */
  get response(): Fields {
    return this.#response ?? this.#responseAs('in_progress')
  }

  event(event: CanonicalEvent): void {
    if (this.#response) return
    switch (event.type) {
      case 'message_start':
        this.#model = event.message.model
        this.#usage = event.message.usage ?? {}
        return this.#begin()
      case 'content_block_start':
        return this.#start(event.content_block)
      case 'content_block_delta':
        return this.#delta(event.delta)
      case 'content_block_stop':
        return this.#close()
      case 'message_delta':
        this.#stop = event.delta.stop_reason ?? this.#stop
        this.#usage = mergeUsage(this.#usage, event.usage)
        return
      case 'message_stop':
        return this.#end()
      case 'error': {
        const type = event.error.type as FailureType
        return this.fail({ ...verdictOfType(type), message: event.error.message })
      }
      default:
    }
  }

  /** The last event of a stream that failed. */
  fail(reply: FailureReply): void {
    if (this.#response) return
    if (this.#number === 0) this.#begin()
    const { code, message } = toErrorObject(reply)
    this.#response = this.#responseAs('failed', { error: { code: code ?? 'server_error', message } })
    this.#emit('response.failed', { response: this.#response })
  }

  #begin(): void {
    this.#emit('response.created', { response: this.#responseAs('in_progress') })
    this.#emit('response.in_progress', { response: this.#responseAs('in_progress') })
  }

  #start(block: ContentBlock): void {
    if (this.#doubtful) this.#finishCall(this.#doubtful)
    this.#doubtful = undefined
    const kind = kindOf(block)
    this.#refuses ||= isRefusal(block)
    this.#open = undefined
    if (kind === 'hidden') return
    const { signature, thinking } = fieldsOf(block)
    const open: OutputItem = {
      kind,
      id: this.#exchange.newId(PREFIXES[kind]),
      index: this.#count,
      block,
      pieces: [],
      citations: [],
      signature: textOf(signature),
    }
    this.#open = open
    // Whether a search is shown is known when its query is.
    if (kind !== 'search') this.#added(open)
    if (kind === 'message')
      this.#emit('response.content_part.added', { ...placeOf(open), content_index: 0, part: textPart(block, '', []) })
    // What other upstreams put into the start of a block.
    if (kind === 'message' && firstText(block) !== '') this.#delta({ type: 'text_delta', text: firstText(block) })
    if (kind === 'reasoning' && textOf(thinking) !== '')
      this.#delta({ type: 'thinking_delta', thinking: textOf(thinking) })
  }

  #delta(delta: BlockDelta): void {
    const open = this.#open
    if (!open || open.kind === 'own') return
    const place = placeOf(open)
    switch (delta.type) {
      case 'text_delta':
        open.pieces.push(delta.text)
        if (isRefusal(open.block))
          return this.#emit('response.refusal.delta', { ...place, content_index: 0, delta: delta.text })
        return this.#emit('response.output_text.delta', {
          ...place,
          content_index: 0,
          delta: delta.text,
          logprobs: [],
        })
      case 'thinking_delta':
        if (open.pieces.length === 0)
          this.#emit('response.reasoning_summary_part.added', { ...place, summary_index: 0, part: summaryPart('') })
        open.pieces.push(delta.thinking)
        return this.#emit('response.reasoning_summary_text.delta', {
          ...place,
          summary_index: 0,
          delta: delta.thinking,
        })
      case 'input_json_delta':
        open.pieces.push(delta.partial_json)
        // The text of a custom tool is known when its JSON is whole.
        if (open.kind === 'search' || isCustom(open, this.#tools)) return
        return this.#emit('response.function_call_arguments.delta', { ...place, delta: delta.partial_json })
      case 'signature_delta':
        open.signature = delta.signature
        return
      case 'citations_delta':
        open.citations.push(delta.citation)
        return
      default:
    }
  }

  #close(): void {
    const open = this.#open
    this.#open = undefined
    switch (open?.kind) {
      case 'message':
        return this.#closeMessage(open)
      case 'reasoning':
        return this.#closeReasoning(open)
      case 'call':
        if (parseObject(open.pieces.join('')) === undefined) this.#doubtful = open
        else this.#finishCall(open)
        return
      case 'search':
        return this.#closeSearch(open)
      case 'image':
      case 'own':
        return this.#done(open)
      default:
    }
  }

  #closeMessage(open: OutputItem): void {
    const text = open.pieces.join('')
    const place = { ...placeOf(open), content_index: 0 }
    const annotations = toAnnotations(open.citations, text)
    annotations.forEach((annotation, annotation_index) =>
      this.#emit('response.output_text.annotation.added', { ...place, annotation_index, annotation }),
    )
    if (isRefusal(open.block)) this.#emit('response.refusal.done', { ...place, refusal: text })
    else this.#emit('response.output_text.done', { ...place, text, logprobs: [] })
    this.#emit('response.content_part.done', { ...place, part: textPart(open.block, text, annotations) })
    this.#done(open)
  }

  /** One without a query was made of citations for clients that have no other place for their sources. */
  #closeSearch(open: OutputItem): void {
    if (textOf(fieldsOf(toItem(open, 'completed', this.#tools)['action'])['query']) === '') return
    this.#added(open)
    this.#done(open)
  }

  #closeReasoning(open: OutputItem): void {
    if (open.pieces.length > 0) {
      const text = open.pieces.join('')
      const place = { ...placeOf(open), summary_index: 0 }
      this.#emit('response.reasoning_summary_text.done', { ...place, text })
      this.#emit('response.reasoning_summary_part.done', { ...place, part: summaryPart(text) })
    }
    this.#done(open)
  }

  #finishCall(open: OutputItem): void {
    const place = placeOf(open)
    const item = toItem(open, 'completed', this.#tools)
    if (isCustom(open, this.#tools)) {
      this.#emit('response.custom_tool_call_input.delta', { ...place, delta: item['input'] })
      this.#emit('response.custom_tool_call_input.done', { ...place, input: item['input'] })
    } else {
      const { arguments: whole, name } = item
      if (open.pieces.length === 0) this.#emit('response.function_call_arguments.delta', { ...place, delta: whole })
      this.#emit('response.function_call_arguments.done', { ...place, name, arguments: whole })
    }
    this.#done(open)
  }

  #added(open: OutputItem): void {
    this.#count++
    const item = toItem(open, 'in_progress', this.#tools)
    this.#emit('response.output_item.added', { output_index: open.index, item })
  }

  #done(open: OutputItem): void {
    const item = toItem(open, 'completed', this.#tools)
    this.#output.push(item)
    if (this.#keeps) this.#items.keep(item)
    this.#emit('response.output_item.done', { output_index: open.index, item })
  }

  #end(): void {
    const said = this.#refuses && this.#stop === 'refusal'
    const reason = said ? undefined : INCOMPLETE.get(this.#stop)
    if (this.#doubtful && reason === undefined) this.#finishCall(this.#doubtful)
    const status = reason === undefined ? 'completed' : 'incomplete'
    this.#response = this.#responseAs(status, {
      incomplete_details: reason === undefined ? null : { reason },
      usage: fromUsage(this.#usage),
    })
    this.#emit(`response.${status}`, { response: this.#response })
  }

  #responseAs(status: string, rest: Fields = {}): Fields {
    return responseOf(this.#exchange, {
      id: this.#id,
      model: this.#model,
      status,
      output: status === 'in_progress' ? [] : this.#output,
      ...rest,
    })
  }

  #emit(type: string, fields: Fields): void {
    this.#send(type, { type, sequence_number: this.#number++, ...fields })
  }
}

/** Stop reasons of answers that are not whole, and what they are called here. */
const INCOMPLETE: ReadonlyMap<string | null, string> = new Map([
  ['max_tokens', 'max_output_tokens'],
  ['model_context_window_exceeded', 'max_output_tokens'],
  ['refusal', 'content_filter'],
])

function placeOf({ id, index }: OutputItem): Fields {
  return { item_id: id, output_index: index }
}
