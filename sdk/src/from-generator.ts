import type { CanonicalEvent } from './canonical.ts'
import type { Emit, StreamTransform } from './stream.ts'

/**
 * A transform written as an async generator over the events of one answer. It costs more than {@link mapEvents}: about
 * 4 µs for each event and stage, where a function takes a tenth.
 *
 * @example
 * fromGenerator(async function* (events) {
 *   for await (const event of events) if (event.type !== 'ping') yield event
 * })
 */
export function fromGenerator<In = CanonicalEvent, Out = In>(
  run: (events: AsyncIterable<In>) => AsyncIterable<Out>,
): StreamTransform<In, Out> {
  return new GeneratorTransform(run)
}

type Give<In> = (result: IteratorResult<In> | Promise<IteratorResult<In>>) => void

/** Hands events over one by one: an event is done when the generator asks for the next. */
class GeneratorTransform<In, Out> implements StreamTransform<In, Out> {
  readonly #run: (events: AsyncIterable<In>) => AsyncIterable<Out>
  #emit: Emit<Out> = () => undefined
  /** Ends when the generator does; it never rejects. */
  #end: Promise<void> | undefined
  #failure: { readonly thrown: unknown } | undefined
  #aborted: { readonly reason: unknown } | undefined
  /** Gives the generator its next event, while it waits for one. */
  #give: Give<In> | undefined
  /** Told when the generator waits for an event. */
  #onIdle: () => void = () => undefined

  constructor(run: (events: AsyncIterable<In>) => AsyncIterable<Out>) {
    this.#run = run
  }

  async chunk(event: In, emit: Emit<Out>): Promise<void> {
    this.#emit = emit
    await this.#ready()
    await this.#hand({ done: false, value: event })
  }

  async flush(emit: Emit<Out>): Promise<void> {
    this.#emit = emit
    await this.#ready()
    await this.#hand({ done: true, value: undefined })
    await this.#end
    if (this.#failure) throw this.#failure.thrown
  }

  abort(reason: unknown): void {
    this.#aborted = { reason }
    this.#emit = () => undefined
    this.#take()?.(Promise.reject(reason))
  }

  /** Until the generator waits for an event, or has ended. */
  async #ready(): Promise<void> {
    if (!this.#give) {
      const idle = new Promise<void>((resolve) => (this.#onIdle = resolve))
      this.#end ??= this.#pump()
      await Promise.race([idle, this.#end])
    }
    if (this.#failure) throw this.#failure.thrown
  }

  /** Events that a generator which has ended did not take are dropped. */
  async #hand(result: IteratorResult<In>): Promise<void> {
    const give = this.#take()
    if (!give) return
    const idle = new Promise<void>((resolve) => (this.#onIdle = resolve))
    give(result)
    await Promise.race([idle, this.#end])
    if (this.#failure) throw this.#failure.thrown
  }

  #take(): Give<In> | undefined {
    const give = this.#give
    this.#give = undefined
    return give
  }

  async #pump(): Promise<void> {
    try {
      for await (const event of this.#run(this.#events())) this.#emit(event)
    } catch (thrown) {
      if (!this.#aborted) this.#failure = { thrown }
    }
  }

  #events(): AsyncIterable<In> {
    let done = false
    return {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          if (this.#aborted) throw this.#aborted.reason
          if (done) return { done: true, value: undefined }
          const result = await new Promise<IteratorResult<In>>((resolve) => {
            this.#give = resolve
            this.#onIdle()
          })
          done = result.done === true
          return result
        },
        return: async () => ({ done: true, value: undefined }),
      }),
    }
  }
}
