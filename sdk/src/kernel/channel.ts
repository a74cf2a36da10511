import { BatchQueue } from './batch-queue.ts'

/** What the pushing side of a channel is given. */
export interface ChannelEnd<Item> {
  /** Gives a batch; resolves when it is taken, and at once where nobody reads any more. */
  take(batch: readonly Item[]): Promise<void>
  /** Aborted when nobody reads any more. */
  readonly signal: AbortSignal
}

/**
 * What `run` pushes, as an iteration: nothing runs before the first read, one batch is held at most, and leaving the
 * iteration aborts `run`. How `run` ends is how the iteration ends.
 */
export async function* channel<Item>(
  run: (end: ChannelEnd<Item>) => Promise<unknown>,
): AsyncGenerator<readonly Item[]> {
  const leaving = new AbortController()
  let taken: () => void = () => undefined
  const queue = new BatchQueue(() => taken())
  const take = (batch: readonly Item[]): Promise<void> => {
    if (leaving.signal.aborted) return Promise.resolve()
    queue.push(batch)
    return queue.hungry ? Promise.resolve() : new Promise((resolve) => (taken = resolve))
  }
  run({ take, signal: leaving.signal }).then(
    () => queue.close(),
    (reason: unknown) => queue.fail(reason),
  )
  try {
    // Only what this channel's own run pushed comes out of its queue.
    yield* queue as AsyncIterable<readonly Item[]>
  } finally {
    leaving.abort()
    taken()
  }
}
