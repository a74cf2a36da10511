import type { CanonicalEvent } from './canonical.ts'

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

/** Options of one added stage. */
export interface StageOptions {
  /** `fail` (default) ends the stream with an error; `detach` lets the events pass this stage by from then on. */
  readonly onFailure?: 'fail' | 'detach' | undefined
}

/**
 * What a transformStream handler builds on. `wire` stages see the target dialect's own events, `canonical` stages see
 * canonical events; both in reverse order of transformRequest.
 */
export interface StreamPipeline {
  /** The dialect of the wire events. */
  readonly dialect: string
  pipe(stage: 'wire', transform: StreamTransform<never, unknown>, options?: StageOptions): void
  pipe(stage: 'canonical', transform: StreamTransform, options?: StageOptions): void
  /** Sees the named canonical event types, after every transform; cannot change them. A throw is logged, no more. */
  observe(types: readonly CanonicalEvent['type'][], fn: (event: CanonicalEvent) => void): void
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
