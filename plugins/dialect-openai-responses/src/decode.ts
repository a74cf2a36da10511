import {
  type Attempt,
  type CanonicalEvent,
  CcrError,
  type Emit,
  estimateInput,
  MessageWriter,
  reportedError,
  type StreamTransform,
  tokensOf,
  writeJson,
} from '@ccr/sdk'
import { hear, ItemQueue, unheard, type Item, type ItemKind } from './item-queue.ts'
import { asRefusal, itemBlock, withPhase } from './original.ts'
import { DIALECT } from './own-tools.ts'
import { SEPARATOR, signItems, toReplay } from './reasoning.ts'
import { Searches } from './searches.ts'
import { TextPlaces } from './text-places.ts'
import type { NamespacedNames } from './tool-names.ts'
import { toUsage } from './usage.ts'
import { fieldsOf, listOf, textOf, type Fields, type ReasoningItem, type ResponsesEvent } from './wire.ts'

/** Events of a Responses stream → canonical events, for one answer. */
export class ResponsesDecoder implements StreamTransform<ResponsesEvent, CanonicalEvent> {
  readonly #writer: MessageWriter
  readonly #provider: string
  readonly #names: NamespacedNames | undefined
  readonly #items = new ItemQueue()
  readonly #searches: Searches
  readonly #places = new TextPlaces()
  #emit: Emit<CanonicalEvent> = () => {}
  /** The item that was written last. */
  #last: Item | undefined
  /** Reasoning items in the signature of the thinking that was written last, if thinking was. */
  #sealed: readonly ReasoningItem[] | undefined
  #refused = false
  /** Characters of the answer, from which its tokens are guessed when nobody counts them. */
  #characters = 0

  constructor(attempt: Attempt, names: NamespacedNames | undefined) {
    const { exchange, target } = attempt
    const newId = (prefix: string): string => exchange.newId(prefix)
    this.#provider = target.provider
    this.#names = names
    this.#writer = new MessageWriter((event) => this.#emit(this.#marked(event)), {
      model: exchange.request.model,
      newId,
      sign: (thinking) => signItems(target.provider, this.#unfinished(thinking)),
      estimateInput: () => estimateInput(exchange.request),
    })
    this.#searches = new Searches(this.#writer, newId, exchange.request.extra?.[DIALECT] !== undefined)
  }

  chunk(event: ResponsesEvent, emit: Emit<CanonicalEvent>): void {
    if (this.#writer.ended) return
    this.#emit = emit
    this.#event(event)
  }

  flush(emit: Emit<CanonicalEvent>): void {
    if (this.#writer.ended) return
    this.#emit = emit
    throw new CcrError('CCR_STREAM_ENDED', 'the answer ended before response.completed')
  }

  #event(event: ResponsesEvent): void {
    switch (event.type) {
      case 'response.created':
      case 'response.in_progress':
      case 'response.queued':
        return this.#writer.start()
      case 'response.output_item.added':
        this.#writer.start()
        return void this.#items.open(event)
      case 'response.output_item.done':
        return this.#finish(this.#items.find(event) ?? this.#items.open(event), fieldsOf(event.item))
      case 'response.output_text.delta':
        return this.#text(this.#item(event, 'message'), part(event.content_index), event.delta)
      case 'response.output_text.done':
        return this.#again(this.#item(event, 'message'), part(event.content_index), event.text)
      case 'response.output_text.annotation.added':
        return this.#cite(this.#item(event, 'message'), part(event.content_index), event.annotation)
      case 'response.refusal.delta':
        return this.#text(this.#refusing(event), part(event.content_index), event.delta)
      case 'response.refusal.done':
        return this.#again(this.#refusing(event), part(event.content_index), event.refusal)
      case 'response.reasoning_summary_text.delta':
        return this.#thinking(this.#item(event, 'reasoning'), 'summary', part(event.summary_index), event.delta)
      case 'response.reasoning_text.delta':
        return this.#thinking(this.#item(event, 'reasoning'), 'content', part(event.content_index), event.delta)
      case 'response.function_call_arguments.delta':
        return this.#arguments(this.#item(event, 'call'), event.delta)
      case 'response.function_call_arguments.done':
        return this.#allArguments(this.#item(event, 'call'), event)
      case 'response.custom_tool_call_input.delta':
        return this.#input(this.#item(event, 'custom'), event.delta)
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
      case 'response.cancelled':
        return this.#end(event.type, fieldsOf(event.response))
      case 'error':
        throw reportedError(event)
      default:
        // `{"error": …}` without a type: the form in which some gateways report an error inside a stream.
        if (event.error !== undefined && event.error !== null) throw reportedError(event)
    }
  }

  /** The item of an event; servers that do not announce their items get them announced. */
  #item(event: ResponsesEvent, kind: ItemKind): Item {
    return this.#items.find(event) ?? this.#items.open(event, kind)
  }

  /** The message with which the model refuses. */
  #refusing(event: ResponsesEvent): Item {
    return this.#refuses(this.#item(event, 'message'))
  }

  #refuses(item: Item): Item {
    this.#refused = true
    item.known.add('refusal')
    return item
  }

  #text(item: Item, part: string, delta: unknown): void {
    if (item.done || item.kind !== 'message' || typeof delta !== 'string' || delta === '') return
    hear(item, part, delta)
    this.#characters += delta.length
    this.#items.write(item, delta.length, () => {
      this.#turnTo(item)
      this.#places.write(`${item.key} ${part}`, delta.length)
      this.#writer.text(delta)
    })
  }

  /** What an event says again counts as far as its deltas did not say it. */
  #again(item: Item, part: string, text: unknown): void {
    this.#text(item, part, unheard(item, part, textOf(text)))
  }

  #cite(item: Item, part: string, annotation: unknown): void {
    if (item.done || item.kind !== 'message') return
    item.known.add(`cited ${part}`)
    this.#items.write(item, JSON.stringify(annotation ?? null).length, () => {
      this.#turnTo(item)
      this.#searches.cite(annotation, this.#places.startOf(`${item.key} ${part}`))
    })
  }

  /** A server that shows both a summary and the reasoning itself says the same twice, so the first of them counts. */
  #thinking(item: Item, source: 'summary' | 'content', part: string, delta: unknown): void {
    if (item.done || item.kind !== 'reasoning' || typeof delta !== 'string' || delta === '') return
    if (item.known.has(source === 'summary' ? 'content' : 'summary')) return
    const key = `${source} ${part}`
    const text = item.known.has(source) && !item.parts.has(key) ? SEPARATOR + delta : delta
    item.known.add(source)
    hear(item, key, delta)
    this.#characters += text.length
    this.#items.write(item, text.length, () => {
      this.#turnTo(item)
      this.#writer.thinking(text)
    })
  }

  #arguments(item: Item, delta: unknown): void {
    const text = argumentsOf({ arguments: delta })
    if (item.done || item.kind !== 'call' || text === '') return
    hear(item, 'arguments', text)
    this.#characters += text.length
    this.#items.write(item, text.length, () => this.#call(item, text))
  }

  #allArguments(item: Item, said: Fields): void {
    if (item.done || item.kind !== 'call') return
    this.#learn(item, said)
    this.#arguments(item, unheard(item, 'arguments', argumentsOf(said)))
  }

  /** The free text of a custom tool becomes the one string of its canonical arguments, as it arrives. */
  #input(item: Item, delta: unknown): void {
    if (item.done || item.kind !== 'custom' || typeof delta !== 'string' || delta === '') return
    const begin = item.parts.has('input') ? '' : '{"input":"'
    hear(item, 'input', delta)
    this.#characters += delta.length
    this.#items.write(item, delta.length, () => this.#call(item, begin + JSON.stringify(delta).slice(1, -1)))
  }

  /** Takes what is said of a call late, such as its name. */
  #learn(item: Item, said: Fields): void {
    const { name = said['name'], namespace = said['namespace'], call_id = said['call_id'] } = item.about
    item.about = { ...item.about, name, namespace, call_id }
    this.#items.write(item, 0, () => {
      if (item.known.has('call')) this.#call(item, '')
    })
  }

  /**
   * Writes a part of the arguments of a call. It begins with the first, because a call without any would look complete
   * when the answer is cut.
   */
  #call(item: Item, text: string): void {
    this.#turnTo(item)
    const { name, namespace, call_id } = item.about
    const first = !item.known.has('name') && typeof name === 'string' && name !== ''
    if (first) item.known.add('name')
    item.known.add('call')
    const shown = first ? (this.#names?.fromWire(name, namespace) ?? name) : undefined
    this.#writer.tool(item.key, { id: textOf(call_id) || undefined, name: shown, arguments: text })
  }

  #finish(item: Item, said: Fields): void {
    if (item.done) return
    switch (item.kind) {
      case 'message':
        this.#finishMessage(item, said)
        break
      case 'reasoning':
        this.#finishReasoning(item, said)
        break
      case 'call':
        this.#finishCall(item, said)
        break
      case 'custom':
        this.#finishCustom(item, said)
        break
      case 'search':
        this.#whole(item, said, () => this.#searches.search(said))
        break
      default:
        this.#whole(item, said, () => this.#writer.block(itemBlock(said)))
    }
    this.#items.finish(item)
  }

  #finishCall(item: Item, said: Fields): void {
    this.#learn(item, said)
    const rest = unheard(item, 'arguments', argumentsOf(said))
    // A call that is whole without arguments has none.
    const none = rest === '' && !item.parts.has('arguments') && said['status'] !== 'incomplete'
    this.#arguments(item, none ? '{}' : rest)
  }

  #finishCustom(item: Item, said: Fields): void {
    this.#learn(item, said)
    this.#input(item, unheard(item, 'input', textOf(said['input'])))
    // A text that was cut stays cut.
    if (said['status'] === 'incomplete') return
    const end = item.parts.has('input') ? '"}' : '{"input":""}'
    this.#items.write(item, 0, () => this.#call(item, end))
  }

  #finishMessage(item: Item, said: Fields): void {
    listOf(said['content']).forEach((content, index) => {
      const { type, text, refusal, annotations } = fieldsOf(content)
      if (type === 'refusal') this.#refuses(item)
      this.#again(item, part(index), type === 'refusal' ? refusal : text)
      if (!item.known.has(`cited ${part(index)}`))
        for (const annotation of listOf(annotations)) this.#cite(item, part(index), annotation)
    })
    this.#items.write(item, 0, () => {
      if (!this.#searches.settle()) return
      this.#turnTo(item)
      this.#places.leave()
    })
  }

  #finishReasoning(item: Item, said: Fields): void {
    const source = item.known.has('content') || listOf(said['summary']).length === 0 ? 'content' : 'summary'
    listOf(said[source]).forEach((content, index) => {
      const rest = unheard(item, `${source} ${index}`, textOf(fieldsOf(content)['text']))
      this.#thinking(item, source, part(index), rest)
    })
    const replay = toReplay(said)
    const shown = item.parts.size > 0
    if (!shown && replay === undefined) return
    this.#items.write(item, JSON.stringify(said).length, () => {
      // Its block has ended and was signed with what was known.
      if (shown && this.#last !== item) return
      this.#last = item
      this.#places.leave()
      // Reasoning without a text joins the thinking before it, because it would be a block of its own otherwise.
      const before = shown ? [] : (this.#sealed ?? [])
      const sealed = replay === undefined ? before : [...before, replay]
      this.#writer.signature(signItems(this.#provider, sealed))
      this.#sealed = sealed
    })
  }

  /** Plain reasoning of an item that is not finished when its block ends, as servers without numbers leave it. */
  #unfinished(thinking: string): readonly ReasoningItem[] {
    const id = textOf(this.#last?.about['id'])
    if (!this.#last?.known.has('content')) return []
    const content = [{ type: 'reasoning_text', text: thinking }]
    return [{ type: 'reasoning', ...(id !== '' && { id }), summary: [], content }]
  }

  #turnTo(item: Item): void {
    this.#last = item
    this.#sealed = undefined
    if (item.kind !== 'message') this.#places.leave()
  }

  #whole(item: Item, said: Fields, write: () => void): void {
    this.#items.write(item, JSON.stringify(said).length, () => {
      this.#turnTo(item)
      write()
    })
  }

  #end(type: string, response: Fields): void {
    const status = textOf(response['status']) || type.slice('response.'.length)
    if (status === 'failed' || type === 'response.failed') throw reportedError({ error: response['error'] })
    if (status === 'cancelled' || type === 'response.cancelled')
      throw reportedError({ message: 'the upstream cancelled the answer' })
    const incomplete = status === 'incomplete' || type === 'response.incomplete'
    // An answer may say everything at its end only, or finish its items there.
    if (!this.#items.any) for (const event of toItemEvents(response['output'])) this.#event(event)
    else if (!incomplete) this.#finishRest(response['output'])
    this.#items.end()
    this.#searches.settle()
    const writer = this.#writer
    const usage = toUsage(response['usage'])
    if (typeof usage.output_tokens !== 'number') writer.guessOutput(tokensOf(this.#characters))
    writer.usage(usage)
    if (this.#searches.count > 0)
      writer.usage({ server_tool_use: { web_search_requests: this.#searches.count, web_fetch_requests: 0 } })
    const cause = fieldsOf(response['incomplete_details'])['reason']
    if (incomplete) writer.stop(cause === 'content_filter' ? 'refusal' : 'max_tokens')
    else writer.stop(this.#refused ? 'refusal' : writer.hasCalls ? 'tool_use' : 'end_turn')
    writer.end()
  }

  #finishRest(output: unknown): void {
    listOf(output).forEach((item, output_index) => {
      const known = this.#items.find({ item, output_index })
      if (known) this.#finish(known, fieldsOf(item))
    })
  }

  #marked(event: CanonicalEvent): CanonicalEvent {
    if (event.type !== 'content_block_start' || event.content_block.type !== 'text') return event
    const { content_block } = event
    const block = this.#last?.known.has('refusal') ? asRefusal(content_block) : content_block
    return { ...event, content_block: withPhase(block, this.#last?.about['phase']) }
  }
}

/** Arguments are text by the specification, objects from some servers. */
function argumentsOf({ arguments: given }: Fields): string {
  return typeof given === 'string' ? given : given === undefined || given === null ? '' : writeJson(given)
}

function part(index: unknown): string {
  return typeof index === 'number' ? String(index) : '0'
}

/** The events of the items of a whole answer. */
export function toItemEvents(output: unknown): readonly ResponsesEvent[] {
  return listOf(output).flatMap((item, output_index) => [
    { type: 'response.output_item.added', output_index, item },
    { type: 'response.output_item.done', output_index, item },
  ])
}
