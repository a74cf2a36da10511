import { BatchQueue } from './batch-queue.ts'
import { CcrError } from '../errors.ts'
import { batchOf, Allowance, stageFault, stageLate, type Batch, type RunnableStage, type StageOwner } from './stage.ts'
import type { StreamFunction } from '../stream.ts'
import { settle, type Abortable } from './waiting.ts'

/** Hands on what is ready before a batch is done; tells whether more is wanted. */
export type Onward = (batch: Batch) => Promise<boolean>

/** Stands still while a stage is waited for: nobody reads the upstream then. */
export interface Patience {
  pause(): void
  resume(): void
}

interface Arrived {
  readonly read?: IteratorResult<Batch>
  readonly thrown?: unknown
}

/**
 * Runs one function over the whole stream, batch by batch: it is asked for its next batch until it waits for another
 * one itself, and what it gives goes on at once. So nothing is held here but what it has not asked for yet, which is at
 * most one batch.
 */
export class ThroughStage implements RunnableStage {
  readonly owner: StageOwner
  failure: unknown
  /** Set by the pipeline before the first batch. */
  onward: Onward | undefined
  patience: Patience | undefined
  readonly #function: StreamFunction<never, unknown>
  readonly #signal: Abortable
  readonly #allowance: Allowance | undefined
  readonly #input = new BatchQueue(() => this.#wake())
  #output: AsyncIterator<Batch> | undefined
  #asked = false
  #arrived: Arrived | undefined
  #done = false
  #wake: () => void = () => undefined

  constructor(run: StreamFunction<never, unknown>, owner: StageOwner, signal: Abortable) {
    this.#function = run
    this.owner = owner
    this.#signal = signal
    this.#allowance = owner.health && new Allowance(owner)
  }

  async run(batch: Batch, last: boolean): Promise<Batch> {
    if (this.#done) return []
    const { health, hook } = this.owner
    let spent = 0
    this.#allowance?.taken(batch)
    if (batch.length > 0) this.#input.push(batch)
    if (last) this.#input.close()
    this.patience?.pause()
    try {
      while (!this.#done) {
        const began = performance.now()
        const arrived = await this.#next()
        spent += performance.now() - began
        if (!arrived) break
        if (!(await this.onward!(arrived)))
          this.abort(new CcrError('CCR_STREAM_ENDED', 'a later stage ended the stream'))
      }
    } finally {
      this.patience?.resume()
      health?.spent(hook, spent)
    }
    return []
  }

  abort(reason: unknown): void {
    this.#done = true
    // What was being waited for fails in its own way; what ended the wait is the reason.
    this.#input.fail(this.#signal.aborted ? this.#signal.reason : reason)
    void Promise.resolve(this.#output?.return?.()).catch(() => undefined)
  }

  /** The next batch, or nothing when the function waits for one itself, has ended or has failed. */
  async #next(): Promise<Batch | undefined> {
    try {
      this.#ask()
      await settle(this.#change(), this.owner.timeoutMs, this.#signal, () => stageLate(this.owner))
      const arrived = this.#arrived
      this.#arrived = undefined
      if (!arrived) return undefined
      if (!arrived.read) throw arrived.thrown
      if (!arrived.read.done) {
        const batch = batchOf(arrived.read)
        this.#allowance?.give(batch)
        return batch
      }
      this.#done = true
    } catch (thrown) {
      this.failure = stageFault(thrown, this.owner, this.#signal)
      this.abort(this.failure)
    }
    return undefined
  }

  #ask(): void {
    if (this.#asked || this.#arrived) return
    this.#asked = true
    // Types of wire events are the author's; what is pushed is what the stage before it gave.
    this.#output ??= this.#function(this.#input as AsyncIterable<never>)[Symbol.asyncIterator]()
    const arrive = (arrived: Arrived): void => {
      this.#asked = false
      this.#arrived = arrived
      this.#wake()
    }
    this.#output.next().then(
      (read) => arrive({ read }),
      (thrown: unknown) => arrive({ thrown }),
    )
  }

  /** One promise at a time: racing the function's own would leave a reaction behind for every batch it takes. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      if (this.#arrived || this.#input.hungry) resolve()
    })
  }
}
