type Batch = readonly unknown[]
type Read = IteratorResult<Batch, undefined>

interface Waiter {
  readonly resolve: (read: Read) => void
  readonly reject: (reason: Error) => void
}

/** Batches that one side pushes and the other iterates over; the pushing side knows when the other one waits. */
export class BatchQueue implements AsyncIterable<Batch> {
  readonly #batches: Batch[] = []
  readonly #waiters: Waiter[] = []
  readonly #onHungry: () => void
  #closed = false
  #failure: { readonly reason: Error } | undefined

  constructor(onHungry: () => void) {
    this.#onHungry = onHungry
  }

  /** Everything was taken, and more is being waited for. */
  get hungry(): boolean {
    return this.#waiters.length > 0
  }

  push(batch: Batch): void {
    const waiter = this.#waiters.shift()
    if (waiter) waiter.resolve({ done: false, value: batch })
    else this.#batches.push(batch)
  }

  /** Nothing more will be pushed. */
  close(): void {
    this.#closed = true
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ done: true, value: undefined })
  }

  /** Nothing more can be read: every read fails with this reason. */
  fail(reason: unknown): void {
    const failure = { reason: reason as Error }
    this.#failure = failure
    this.#batches.length = 0
    for (const waiter of this.#waiters.splice(0)) waiter.reject(failure.reason)
  }

  [Symbol.asyncIterator](): AsyncIterator<Batch, undefined> {
    return {
      next: () => this.#read(),
      return: () => Promise.resolve({ done: true, value: undefined }),
    }
  }

  #read(): Promise<Read> {
    if (this.#failure) return Promise.reject(this.#failure.reason)
    const batch = this.#batches.shift()
    if (batch) return Promise.resolve({ done: false, value: batch })
    if (this.#closed) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#onHungry()
    })
  }
}
