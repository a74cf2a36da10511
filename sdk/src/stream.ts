import type { CanonicalEvent, ContentBlock, ToolUseBlock } from './canonical.ts'

/** Takes one event that goes on to the next stage. */
export type Emit<Event> = (event: Event) => void

/**
 * One stage of a stream. `chunk` gets each event in order and emits none, one or many; a synchronous transform never
 * touches the microtask queue, a promise is awaited. Throwing fails the stream.
 */
export interface StreamTransform<In = CanonicalEvent, Out = In> {
  chunk(event: In, emit: Emit<Out>): void | Promise<void>
  /** After the last event; what it emits passes through the later stages. */
  flush?(emit: Emit<Out>): void | Promise<void>
  /** The stream ended before its time. */
  abort?(reason: unknown): void
}

/**
 * A whole stream as one asynchronous function. What it asks for is read, and what it gives is handed on at once; it is
 * asked for more only when that was taken. Batches are cut anywhere, so that only their events may matter. What it
 * reads from fails when the stream is given up, and what it gives is closed.
 */
export type StreamFunction<In = CanonicalEvent, Out = In> = (
  batches: AsyncIterable<readonly In[]>,
) => AsyncIterable<readonly Out[]>

/** Options of one added stage. */
export interface StageOptions {
  /** `fail` (default) ends the stream with an error; `detach` lets the events pass this stage by from then on. */
  readonly onFailure?: 'fail' | 'detach' | undefined
}

/** Options of a {@link StreamFunction}, whose failure ends the stream: only it knows what it still holds. */
export interface ThroughOptions {
  /** Longest wait for what it gives next, in milliseconds; the handler's own deadline unless given. */
  readonly timeoutMs?: number | undefined
}

/** What a model has said when its turn ends, since the turn began or was last continued. */
export interface TurnEnd {
  /** All blocks in order, the plugin's own calls among them. */
  readonly content: readonly ContentBlock[]
  /** The calls of the plugin's own tools, which no client sees; arguments that are no JSON object are `{}`. */
  readonly calls: readonly ToolUseBlock[]
  /** The calls that the client answers. While there is one, the turn ends here and nothing can be appended. */
  readonly clientCalls: readonly ToolUseBlock[]
  /** Why the model stopped, in its own words: `tool_use` after calls. */
  readonly stopReason: string | null
  /** How often this turn was continued before. */
  readonly round: number
}

/** Options of {@link StreamPipeline.onEnd}. */
export interface EndOptions {
  /** Names of the plugin's own tools: their calls are taken out of the stream. */
  readonly tools?: readonly string[] | undefined
  /** How often a turn may be continued; 8 unless given. Afterwards it ends, whatever the model asks for. */
  readonly rounds?: number | undefined
  /** Longest wait for the handler, and for each batch of what it appends, in milliseconds; 300,000 unless given. */
  readonly timeoutMs?: number | undefined
}

/** Gives the canonical stream that goes on with the turn, or nothing to let it end. */
export type EndHandler = (
  turn: TurnEnd,
) =>
  | AsyncIterable<readonly CanonicalEvent[]>
  | undefined
  | void
  | Promise<AsyncIterable<readonly CanonicalEvent[]> | undefined | void>

/**
 * What a transformStream handler builds on. `wire` stages see the target dialect's own events, `canonical` stages see
 * canonical events; both in reverse order of transformRequest.
 */
export interface StreamPipeline {
  /** The dialect of the wire events. */
  readonly dialect: string
  pipe(stage: 'wire', transform: StreamTransform<never, unknown>, options?: StageOptions): void
  pipe(stage: 'canonical', transform: StreamTransform, options?: StageOptions): void
  /**
   * A stage that sees the stream as a whole, for code that works on a response and not on its events. Where one is
   * among the wire stages, a whole answer in a form that the dialect does not know reaches them as the object it is.
   */
  through(stage: 'wire', transform: StreamFunction<never, unknown>, options?: ThroughOptions): void
  through(stage: 'canonical', transform: StreamFunction, options?: ThroughOptions): void
  /** Sees the named canonical event types, after every transform; cannot change them. A throw is logged, no more. */
  observe(types: readonly CanonicalEvent['type'][], fn: (event: CanonicalEvent) => void): void
  /**
   * Calls `handler` when the model ends its turn, before the client hears of it. What the handler gives is appended to
   * the same message: blocks are numbered on, output tokens are added up, and it can be continued in its turn. Calls of
   * the plugin's own tools never leave the router; a turn that ends with nothing but these ends as `end_turn`.
   *
   * @example
   * // What goes on has the tool in its own request, and must not go on by itself as well.
   * if (hasTool(exchange.request)) return
   * let request = withTool(exchange.request)
   * stream.onEnd(({ content, calls, clientCalls }) => {
   *   if (calls.length === 0 || clientCalls.length > 0) return
   *   const turn = [{ role: 'assistant', content }, { role: 'user', content: calls.map(resultOf) }] as const
   *   request = { ...request, messages: [...request.messages, ...turn] }
   *   return ctx.exchangeStream(request, { parent: exchange, target, signal })
   * }, { tools: ['lookup'] })
   */
  onEnd(handler: EndHandler, options?: EndOptions): void
}

/** A transform made of one function from an event to none, one or many. */
export function mapEvents(
  map: (event: CanonicalEvent) => CanonicalEvent | readonly CanonicalEvent[] | undefined,
): StreamTransform {
  return {
    chunk(event, emit) {
      const mapped = map(event)
      if (mapped === undefined) return
      if (Array.isArray(mapped)) for (const one of mapped as readonly CanonicalEvent[]) emit(one)
      else emit(mapped as CanonicalEvent)
    },
  }
}
