import { parentPort } from 'node:worker_threads'
// Types alone: the SDK would double the time in which the thread starts.
import type { Counter, CreateCounter } from '@ccr/sdk'
import type { CountReply, CountRequest } from './thread.ts'

const counters = new Map<string, Promise<Counter>>()

async function answer({ id, name, module, data, texts }: CountRequest): Promise<CountReply> {
  try {
    let counter = counters.get(name)
    if (!counter) {
      counter = create(module, data)
      counters.set(name, counter)
      counter.catch(() => counters.delete(name))
    }
    const count = await counter
    return { id, tokens: texts.map(count) }
  } catch (thrown) {
    return { id, fault: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

async function create(module: string, data: unknown): Promise<Counter> {
  const { createCounter } = (await import(module)) as { readonly createCounter: CreateCounter }
  return createCounter(data)
}

parentPort!.on('message', (request: CountRequest) => {
  void answer(request).then((reply) => parentPort!.postMessage(reply))
})
