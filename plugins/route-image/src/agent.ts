import { andThen, messageEvents } from '@ccr/sdk'
import type {
  Attempt,
  CanonicalEvent,
  CanonicalRequest,
  ContentBlock,
  ImageBlock,
  Maybe,
  Outbound,
  PluginContext,
  StreamPipeline,
  Target,
  TextBlock,
  ToolResultBlock,
  ToolUseBlock,
  TurnEnd,
} from '@ccr/sdk'
import { contextOf, readAnswer, readCall, toRequest } from './analysis.ts'
import { hasAnyImage } from './images.ts'
import { PrivateCalls } from './memory.ts'
import { replaceImages } from './placeholders.ts'
import type { FindImageTargets, ImageTargets } from './targets.ts'
import { offerTool, toolName, withdrawTool } from './tool.ts'

/** What the agent works with. */
export interface AgentOptions {
  readonly ctx: Pick<PluginContext, 'exchange' | 'exchangeStream' | 'log' | 'state'>
  readonly targetsFor: FindImageTargets
  sees(model: string): boolean
  /** Looks at images for models that see them, too. */
  readonly forced: boolean
  /** How often one turn may ask. */
  readonly rounds: number
}

/** Most calls of one answer that are carried out. */
const CALLS = 8
const OUT_OF_ROUNDS = 'The image was looked at as often as one turn allows; ask again to have it looked at further.'

/** One attempt in which a model that cannot see is spoken to. */
interface Conversation {
  readonly tool: string
  readonly images: readonly ImageBlock[]
  readonly imageModel: Target
  readonly context: string
  /** What the model was sent, grown by what it said and was told. */
  request: CanonicalRequest
}

/** Lets models that cannot see images ask one that can, inside their turn and unseen by the client. */
export class ImageAgent {
  readonly #options: AgentOptions
  readonly #conversations = new WeakMap<Attempt, Conversation>()
  readonly #memory: PrivateCalls

  constructor(options: AgentOptions) {
    this.#options = options
    this.#memory = options.ctx.state('private calls', 1, () => new PrivateCalls())
  }

  /** Hides the images of a request from a model that cannot see, and offers it the tool. */
  transform(outbound: Outbound, attempt: Attempt): Maybe<Outbound> {
    const { exchange, target } = attempt
    const { targetsFor, sees, forced } = this.#options
    if (!forced && sees(target.model)) return undefined
    const found = targetsFor(exchange, exchange.plan?.family)
    return andThen(found, (targets) => this.#hide(targets, outbound, attempt))
  }

  #hide(
    { target: imageModel, isImageModel }: ImageTargets,
    outbound: Outbound,
    attempt: Attempt,
  ): Outbound | undefined {
    const { exchange, target } = attempt
    if (typeof imageModel !== 'object' || isImageModel(target) || !exchange.mayHold('image')) return undefined
    // In the canonical stage the body is the canonical request.
    const body = outbound.body as CanonicalRequest
    if (!hasAnyImage(body)) return undefined
    const tool = toolName(body)
    const prepare = (request: CanonicalRequest): readonly [CanonicalRequest, readonly ImageBlock[]] => {
      const hidden = replaceImages(request, tool)
      return [offerTool(this.#memory.restore(hidden.request, exchange), tool), hidden.images]
    }
    const [transformed, images] = prepare(body)
    // What goes on with the turn passes through the other plugins again, so it begins without their work.
    const [request] = body === exchange.request ? [transformed] : prepare(exchange.request)
    this.#conversations.set(attempt, { tool, images, imageModel, context: contextOf(exchange.request), request })
    return { ...outbound, body: transformed }
  }

  /** Answers the model's calls where its stream ends. */
  attach(stream: StreamPipeline, attempt: Attempt): void {
    const conversation = this.#conversations.get(attempt)
    if (!conversation) return
    const { rounds } = this.#options
    stream.onEnd((turn) => this.#goOn(turn, conversation, attempt), { tools: [conversation.tool], rounds: rounds + 1 })
  }

  async #goOn(
    turn: TurnEnd,
    conversation: Conversation,
    attempt: Attempt,
  ): Promise<AsyncIterable<readonly CanonicalEvent[]> | undefined> {
    const { calls, clientCalls, round } = turn
    if (calls.length === 0) return undefined
    const { ctx, rounds } = this.#options
    const { exchange, target, signal } = attempt
    if (round >= rounds) return clientCalls.length > 0 ? undefined : said(OUT_OF_ROUNDS)
    const results = await Promise.all(calls.map((call, place) => this.#answer(call, place, conversation, attempt)))
    if (clientCalls.length > 0) {
      // The client's calls end this turn. The model is told of its own in the next one, where it reads both results.
      this.#memory.remember(exchange, clientCalls, { calls, results })
      return undefined
    }
    const { messages } = conversation.request
    const content = turn.content.filter((block) => !isEmptyText(block))
    const grown: CanonicalRequest = {
      ...conversation.request,
      messages: [...messages, { role: 'assistant', content }, { role: 'user', content: results }],
    }
    conversation.request = grown
    const request = round === rounds - 1 ? withdrawTool(grown, conversation.tool) : grown
    return ctx.exchangeStream(request, { parent: exchange, target, signal })
  }

  /** The result of one call. A failure is told to the model, which knows best what to do without the image. */
  async #answer(
    call: ToolUseBlock,
    place: number,
    { images, imageModel, context }: Conversation,
    { exchange, signal }: Attempt,
  ): Promise<ToolResultBlock> {
    const result = (content: string, is_error = false): ToolResultBlock => ({
      type: 'tool_result',
      tool_use_id: call.id,
      content,
      ...(is_error ? { is_error } : {}),
    })
    if (place >= CALLS) return result(`Only ${CALLS} calls are answered at once; make it again.`, true)
    const analysis = readCall(call, images)
    if (analysis.fault !== undefined) return result(analysis.fault, true)
    const { ctx } = this.#options
    try {
      const request = toRequest(analysis, imageModel, context)
      const answer = readAnswer(await ctx.exchange(request, { parent: exchange, target: imageModel, signal }))
      return answer === undefined ? result('The image could not be analysed: nothing was said.', true) : result(answer)
    } catch (thrown) {
      if (signal.aborted) throw thrown
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      ctx.log.warn({ exchange: exchange.id, ...imageModel, reason }, 'an image could not be analysed')
      return result(`The image could not be analysed: ${reason}. Say so where your answer depends on it.`, true)
    }
  }
}

/** A stream that says one thing. */
async function* said(text: string): AsyncGenerator<readonly CanonicalEvent[]> {
  yield messageEvents({
    id: '',
    type: 'message',
    role: 'assistant',
    model: '',
    content: [{ type: 'text', text }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {},
  })
}

function isEmptyText(block: ContentBlock): boolean {
  return block.type === 'text' && (block as TextBlock).text === ''
}
