import type { CanonicalEvent } from '../canonical.ts'
import { CcrError, isCcrError } from '../errors.ts'
import { isObject } from '../is-object.ts'
import { weightOfEvents } from '../message.ts'
import { factOf, placeOf } from './place.ts'
import type { StreamTransform } from '../stream.ts'
import { isThenable, settle, type Abortable } from './waiting.ts'

/** Where a stage reports what it does not fail for. */
export interface StageLog {
  warn(fields: object, message: string): void
}

/** Hears what a stage costs, and of its failure. */
export interface StageHealth {
  /** @param ms milliseconds that one batch took, waiting included */
  spent(hook: string, ms: number): void
  failed(hook: string, error: CcrError): void
}

/** Who put a stage there, and how long each of its batches may take. */
export interface StageOwner {
  readonly plugin: string
  readonly hook: string
  readonly timeoutMs: number
  /** Its events are those of a protocol, which need no type. */
  readonly wire?: boolean | undefined
  readonly health?: StageHealth | undefined
  /** Where the place of a fault is looked for. */
  readonly paths?: readonly string[] | undefined
}

/** Most that a plugin adds to a stream, in bytes: 16 Mi. */
const MAX_MADE = 16 * 1024 * 1024

type AnyTransform = StreamTransform<never, unknown>
/** Events that go through the stages together. */
export type Batch = readonly unknown[]

/** One stage of a pipeline, as that runs it. */
export interface RunnableStage {
  readonly owner: StageOwner
  /** Why it gives nothing any more. */
  readonly failure: unknown
  run(batch: Batch, last: boolean): Batch | Promise<Batch>
  abort(reason: unknown): void
}

/**
 * Runs one transform over batches. When it throws, {@link failure} is set and what it had emitted is still handed on; a
 * stage that may detach lets the events pass it by from then on.
 */
export class Stage implements RunnableStage {
  readonly owner: StageOwner
  failure: unknown
  readonly #transform: AnyTransform
  readonly #detaches: boolean
  readonly #signal: Abortable
  readonly #log: StageLog
  #detached = false
  #out: unknown[] = []
  readonly #allowance: Allowance | undefined
  readonly #emit: (event: unknown) => void

  constructor(transform: AnyTransform, owner: StageOwner, detaches: boolean, signal: Abortable, log: StageLog) {
    this.#transform = transform
    this.owner = owner
    this.#detaches = detaches
    this.#signal = signal
    this.#log = log
    // Dialects are trusted to emit events, of which there are many.
    this.#allowance = owner.health && new Allowance(owner)
    this.#emit = this.#allowance ? this.#emitChecked : (event) => void this.#out.push(event)
  }

  /** Synchronous transforms never touch the microtask queue. */
  run(batch: Batch, last: boolean): Batch | Promise<Batch> {
    if (this.#detached || this.failure !== undefined) return this.#detached ? batch : []
    this.#out = []
    this.#allowance?.taken(batch)
    const { health, hook } = this.owner
    if (!health) return this.#chunks(batch, 0, last)
    const began = performance.now()
    const done = this.#chunks(batch, 0, last)
    const spent = (): void => health.spent(hook, performance.now() - began)
    if (isThenable(done)) done.then(spent, spent)
    else spent()
    return done
  }

  abort(reason: unknown): void {
    try {
      this.#transform.abort?.(reason)
    } catch (err) {
      this.#log.warn({ plugin: this.owner.plugin, err }, 'a stream transform threw while it was aborted')
    }
  }

  readonly #emitChecked = (event: unknown): void => {
    this.#allowance!.give([event])
    this.#out.push(event)
  }

  #chunks(batch: Batch, first: number, last: boolean): Batch | Promise<Batch> {
    let index = first
    try {
      for (; index < batch.length; index++) {
        const pending = this.#transform.chunk(batch[index] as never, this.#emit)
        if (isThenable(pending)) return this.#wait(pending, batch, index, () => this.#chunks(batch, index + 1, last))
      }
      const pending = last ? this.#transform.flush?.(this.#emit) : undefined
      if (isThenable(pending)) return this.#wait(pending, batch, index, () => this.#out)
    } catch (thrown) {
      return this.#failed(thrown, batch, index)
    }
    return this.#out
  }

  async #wait(
    pending: PromiseLike<unknown>,
    batch: Batch,
    index: number,
    next: () => Batch | Promise<Batch>,
  ): Promise<Batch> {
    try {
      await settle(pending, this.owner.timeoutMs, this.#signal, () => stageLate(this.owner))
    } catch (thrown) {
      return this.#failed(thrown, batch, index)
    }
    return next()
  }

  #failed(thrown: unknown, batch: Batch, index: number): Batch {
    const error = stageFault(thrown, this.owner, this.#signal)
    if (!this.#detaches || this.#signal.aborted) {
      this.failure = error
      return this.#out
    }
    this.#detached = true
    this.#log.warn({ plugin: this.owner.plugin, code: error.code }, `${error.message}; its events pass it by`)
    return [...this.#out, ...batch.slice(index)]
  }
}

/** What a stage that threw is told of, once its plugin's health has heard of it. */
export function stageFault(thrown: unknown, owner: StageOwner, signal: Abortable): CcrError {
  const known = isCcrError(thrown) && (thrown.code.startsWith('CCR_STREAM_') || thrown.plugin !== undefined)
  const error = known || isOfInner(thrown) ? thrown : named(thrown, owner)
  if (!signal.aborted && !isOfInner(thrown)) owner.health?.failed(owner.hook, error)
  return error
}

/** The same for an answer that a plugin gave by itself: whatever breaks in it is its own, but not what it reports. */
export function replyFault(thrown: unknown, owner: StageOwner): CcrError {
  if (isOfInner(thrown) || (isCcrError(thrown) && thrown.code === 'CCR_STREAM_ERROR')) return thrown
  const error = named(thrown, owner)
  owner.health?.failed(owner.hook, error)
  return error
}

/** What an upstream did to an inner exchange is not the doing of the plugin that ran it. */
function isOfInner(thrown: unknown): thrown is CcrError {
  return isCcrError(thrown) && thrown.code === 'CCR_EXCHANGE_FAILED'
}

function named(thrown: unknown, { plugin, hook, paths = [] }: StageOwner): CcrError {
  const fact = `plugin '${plugin}' failed in ${hook}: ${factOf(thrown)}`
  return new CcrError('CCR_HOOK_FAILED', fact, { plugin, hook, at: placeOf(thrown, paths), cause: thrown })
}

/** Holds what a plugin gives a stream to events, and to what it was given and 16 MiB more. */
export class Allowance {
  readonly #owner: StageOwner
  #left = MAX_MADE

  constructor(owner: StageOwner) {
    this.#owner = owner
  }

  taken(events: Batch): void {
    this.#left += weightOfEvents(events as readonly CanonicalEvent[])
  }

  /** @throws CcrError `CCR_HOOK_RESULT` */
  give(events: Batch): void {
    const { plugin, hook, wire } = this.#owner
    const areEvents = events.every((event) => isObject(event) && (wire || typeof event['type'] === 'string'))
    if (areEvents) this.#left -= weightOfEvents(events as readonly CanonicalEvent[])
    if (areEvents && this.#left >= 0) return
    const wrong = areEvents ? `${MAX_MADE} bytes more than it was given` : 'something that is no event'
    const fact = `plugin '${plugin}' gave ${hook} a result it cannot use: ${wrong}`
    throw new CcrError('CCR_HOOK_RESULT', fact, { plugin, hook })
  }
}

/** The events that were read of a plugin's stream. */
export function batchOf<Event>(read: IteratorResult<readonly Event[], unknown>): readonly Event[] {
  if (read.done) return []
  if (!Array.isArray(read.value)) throw new TypeError('it gave something else than a list of events')
  return read.value
}

/** What a stage is told of that did not finish in time. */
export function stageLate({ plugin, hook, timeoutMs }: StageOwner): CcrError {
  const fact = `plugin '${plugin}' did not finish ${hook} within ${timeoutMs} ms`
  return new CcrError('CCR_HOOK_TIMEOUT', fact, { plugin, hook })
}
