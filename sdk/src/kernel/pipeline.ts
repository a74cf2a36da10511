import type { CanonicalEvent } from '../canonical.ts'
import type { AnswerDecoder } from '../dialect.ts'
import { CcrError } from '../errors.ts'
import { CallArguments } from './call-arguments.ts'
import { placeOf } from './place.ts'
import { continueTurn } from '../continue-turn.ts'
import { Stage, type Batch, type RunnableStage, type StageLog, type StageOwner } from './stage.ts'
import type { StageOptions, StreamFunction, StreamPipeline, StreamTransform, ThroughOptions } from '../stream.ts'
import { ThroughStage, type Patience } from './through-stage.ts'
import { Validator } from './validator.ts'
import { isThenable, type Abortable } from './waiting.ts'

type AnyTransform = StreamTransform<never, unknown>

/** Longest wait for a handler of `onEnd`, and for each batch that it appends. */
const END_MS = 300_000

/** Takes events as they leave the stages; a promise means: give no more until it resolves. */
export type Deliver = (events: readonly CanonicalEvent[]) => Promise<void> | undefined

/**
 * The transforms of one answer, run in staged batches: one network read becomes a batch of wire events, each stage runs
 * over the whole batch, and what the last one gives is written at once. A stage that throws still hands on what it had
 * emitted, so that the bytes a client sees do not depend on how the upstream's bytes were cut.
 */
export class Pipeline {
  readonly dialect: string
  readonly #signal: Abortable
  readonly #log: StageLog
  readonly #wire: RunnableStage[] = []
  readonly #canonical: RunnableStage[] = []
  readonly #observers: {
    readonly types: ReadonlySet<string>
    readonly fn: (event: CanonicalEvent) => void
    readonly owner: StageOwner
    /** It threw: what breaks at one event breaks at most others, and the log would tell of each. */
    failed: boolean
  }[] = []
  readonly #calls = new CallArguments()
  readonly #validator = new Validator()
  readonly #stages: RunnableStage[] = []
  #decoder: AnswerDecoder<never> | undefined
  #rename: string | undefined
  #failure: unknown
  #deliver: Deliver | undefined
  #appendedOutput = 0

  constructor(dialect: string, signal: Abortable, log: StageLog) {
    this.dialect = dialect
    this.#signal = signal
    this.#log = log
  }

  /** No stage can change an event. */
  get observesOnly(): boolean {
    return this.#wire.length === 0 && this.#canonical.length === 0
  }

  /** A stage takes the wire events as a whole answer, which may be in a form that only it knows. */
  get readsForeign(): boolean {
    return this.#wire.some((stage) => stage instanceof ThroughStage)
  }

  /** The types that observers want whole. */
  get observed(): ReadonlySet<CanonicalEvent['type']> {
    return new Set(this.#observers.flatMap(({ types }) => [...(types as ReadonlySet<CanonicalEvent['type']>)]))
  }

  /** What stopped the stream, after the events that came before it were given out. */
  get failure(): unknown {
    return this.#failure
  }

  /** A terminal event has passed. */
  get ended(): boolean {
    return this.#validator.ended
  }

  /** The answer is as it should be, and lacks nothing but what marks its end. */
  get complete(): boolean {
    return this.#decoder?.complete === true
  }

  /** Output tokens of streams that were appended: the exchanges that made them have counted these. */
  get appendedOutput(): number {
    return this.#appendedOutput
  }

  as(owner: StageOwner): StreamPipeline {
    const at = (stage: 'wire' | 'canonical'): RunnableStage[] => (stage === 'wire' ? this.#wire : this.#canonical)
    const through = (stage: 'wire' | 'canonical', run: StreamFunction<never, unknown>, timeoutMs = owner.timeoutMs) =>
      void at(stage).push(new ThroughStage(run, { ...owner, timeoutMs, wire: stage === 'wire' }, this.#signal))
    const append = (tokens: number): void => void (this.#appendedOutput += tokens)
    return {
      dialect: this.dialect,
      pipe: (stage: 'wire' | 'canonical', transform: AnyTransform, options: StageOptions = {}) => {
        const own = { ...owner, wire: stage === 'wire' }
        at(stage).push(new Stage(transform, own, options.onFailure === 'detach', this.#signal, this.#log))
      },
      through: (stage: 'wire' | 'canonical', run: StreamFunction<never, unknown>, options: ThroughOptions = {}) =>
        through(stage, run, options.timeoutMs),
      onEnd: (handler, options = {}) =>
        through('canonical', continueTurn(handler, options, append), options.timeoutMs ?? END_MS),
      observe: (types, fn) => void this.#observers.push({ types: new Set(types), fn, owner, failed: false }),
    }
  }

  /** Nothing more can be added: puts the decoder between wire and canonical stages. */
  seal(
    decoder: { readonly transform: AnswerDecoder<never>; readonly owner: StageOwner } | undefined,
    rename: string | undefined,
  ): void {
    this.#rename = rename
    this.#decoder = decoder?.transform
    this.#stages.push(...this.#wire)
    if (decoder) this.#stages.push(new Stage(decoder.transform, decoder.owner, false, this.#signal, this.#log))
    this.#stages.push(...this.#canonical)
  }

  /**
   * Where events go that are ready before their batch is done, and what stands still in the meantime. To be said before
   * the first batch.
   */
  deliverTo(deliver: Deliver, patience: Patience): void {
    this.#deliver = deliver
    for (const [index, stage] of this.#stages.entries()) {
      if (!(stage instanceof ThroughStage)) continue
      stage.patience = patience
      stage.onward = (batch) => this.#early(index + 1, batch)
    }
  }

  /** One batch through every stage; `last` flushes them. Look at {@link failure} afterwards. */
  process(batch: Batch, last: boolean): readonly CanonicalEvent[] | Promise<readonly CanonicalEvent[]> {
    return this.#from(0, batch, last)
  }

  /** Events that no stage sees, such as those of passed-through frames: checked and observed. */
  inspect(events: readonly CanonicalEvent[]): readonly CanonicalEvent[] {
    return this.#finish(events)
  }

  /** Ends the stream for a reason that no stage has seen. */
  fail(reason: unknown): void {
    this.#failure ??= reason
  }

  /** Flushes the stages of a stream that ended properly; what they emit now comes too late. */
  async flush(): Promise<void> {
    if (!this.observesOnly) await this.process([], true)
  }

  abort(reason: unknown): void {
    for (const stage of this.#stages) stage.abort(reason)
  }

  #from(first: number, batch: Batch, last: boolean): readonly CanonicalEvent[] | Promise<readonly CanonicalEvent[]> {
    let current = batch
    for (let index = first; index < this.#stages.length; index++) {
      if (current.length === 0 && !last) return []
      const stage = this.#stages[index]!
      const result = stage.run(current, last)
      if (isThenable(result))
        return (result as Promise<Batch>).then((events) => this.#from(index + 1, events, this.#stillLast(stage, last)))
      current = result
      last = this.#stillLast(stage, last)
    }
    // The stages end in canonical events: the decoder makes them, and canonical stages are typed to keep them.
    const events = this.#finish(this.#calls.see(current as readonly CanonicalEvent[]))
    this.#failure ??= this.#calls.fault
    return events
  }

  /** Events of a stage that is not done; whether more are wanted. */
  async #early(index: number, batch: Batch): Promise<boolean> {
    if (this.ended || batch.length === 0) return this.#failure === undefined
    const passed = this.#from(index, batch, false)
    const events = isThenable(passed) ? await passed : passed
    if (events.length > 0) await this.#deliver!(events)
    return this.#failure === undefined
  }

  #stillLast(stage: RunnableStage, last: boolean): boolean {
    if (stage.failure === undefined) return last
    this.#failure ??= stage.failure
    return false
  }

  #finish(events: readonly CanonicalEvent[]): readonly CanonicalEvent[] {
    const rename = this.#rename
    for (let index = 0; index < events.length; index++) {
      let event = events[index]!
      // What relays send after the end is of no interest.
      if (this.#validator.ended && this.observesOnly) return events.slice(0, index)
      if (event.type === 'error' && !this.#validator.ended) {
        this.#failure ??= new CcrError('CCR_STREAM_ERROR', 'the answer is an error', { cause: event.error })
        return events.slice(0, index)
      }
      try {
        this.#validator.check(event)
      } catch (error) {
        this.#failure ??= this.#blame(error as CcrError)
        return events.slice(0, index)
      }
      if (rename !== undefined && event.type === 'message_start' && event.message.model !== rename) {
        event = { ...event, message: { ...event.message, model: rename } }
        events = events.with(index, event)
      }
      if (this.#observers.length > 0) this.#observe(event)
    }
    return events
  }

  #observe(event: CanonicalEvent): void {
    for (const observer of this.#observers) {
      const { types, fn, owner, failed } = observer
      if (failed || !types.has(event.type)) continue
      try {
        fn(event)
      } catch (thrown) {
        observer.failed = true
        const at = placeOf(thrown, owner.paths ?? [])
        this.#log.warn({ plugin: owner.plugin, at, err: thrown }, 'an observer of a stream threw; it sees no more')
      }
    }
  }

  #blame(error: CcrError): CcrError {
    const plugins = this.#canonical.map((stage) => stage.owner.plugin)
    const who =
      plugins.length === 0 ? `dialect '${this.dialect}'` : `plugin ${plugins.map((name) => `'${name}'`).join(' or ')}`
    return new CcrError('CCR_STREAM_ORDER', `${who}: ${error.message}`, {
      plugin: plugins.length === 1 ? plugins[0] : undefined,
    })
  }
}
