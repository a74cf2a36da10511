import { Worker } from 'node:worker_threads'
import type { TextTokenizer } from '@ccr/sdk'

/** What the thread is asked. */
export interface CountRequest {
  readonly id: number
  readonly name: string
  readonly module: string
  readonly data: unknown
  readonly texts: readonly string[]
}

/** What the thread answers. */
export type CountReply =
  { readonly id: number; readonly tokens: readonly number[] } | { readonly id: number; readonly fault: string }

interface Waiting {
  readonly resolve: (tokens: readonly number[]) => void
  readonly reject: (fault: Error) => void
  readonly deadline: NodeJS.Timeout
}

export interface ThreadOptions {
  /** Longest time for one answer. */
  readonly timeoutMs?: number | undefined
  /** How long the thread is kept when nothing is asked: it holds some 60 MB. */
  readonly idleMs?: number | undefined
}

/** Runs tokenizers in a thread, which begins with the first question and ends when none comes any more. */
export class CountingThread {
  readonly #url: URL
  readonly #timeoutMs: number
  readonly #idleMs: number
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #lastId = 0
  #closed = false

  constructor(url: URL, { timeoutMs = 30_000, idleMs = 300_000 }: ThreadOptions = {}) {
    this.#url = url
    this.#timeoutMs = timeoutMs
    this.#idleMs = idleMs
  }

  /** Whether the thread exists. */
  get isRunning(): boolean {
    return this.#worker !== undefined
  }

  /** The tokens of each text. Rejects when the tokenizer cannot be loaded, throws, or takes too long. */
  count({ name, module, data }: TextTokenizer, texts: readonly string[]): Promise<readonly number[]> {
    if (this.#closed) return Promise.reject(new Error('the thread that counts tokens has been closed'))
    clearTimeout(this.#idle)
    const worker = (this.#worker ??= this.#start())
    // It keeps the process alive for as long as somebody waits for it.
    worker.ref()
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      // A tokenizer that does not end can only be ended with its thread.
      const deadline = setTimeout(
        () => void this.#end(`it took longer than ${this.#timeoutMs} ms`),
        this.#timeoutMs,
      ).unref()
      this.#waiting.set(id, { resolve, reject, deadline })
      worker.postMessage({ id, name, module, data, texts } satisfies CountRequest)
    })
  }

  /** Ends the thread; what it was asked is rejected. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#end('it has been closed')
  }

  #start(): Worker {
    const worker = new Worker(this.#url, { execArgv: [], env: {} })
    worker.on('message', (reply: CountReply) => this.#take(reply))
    const gone = (fact: string): void => {
      if (this.#worker === worker) void this.#end(fact)
    }
    worker.on('error', (fault) => gone(fault.message))
    worker.on('exit', (code) => gone(`it ended with code ${code}`))
    return worker
  }

  #take(reply: CountReply): void {
    const waiting = this.#waiting.get(reply.id)
    if (!waiting) return
    this.#waiting.delete(reply.id)
    clearTimeout(waiting.deadline)
    if ('fault' in reply) waiting.reject(new Error(reply.fault))
    else waiting.resolve(reply.tokens)
    if (this.#waiting.size > 0) return
    this.#worker?.unref()
    this.#idle = setTimeout(() => void this.#end('it was idle'), this.#idleMs).unref()
  }

  async #end(fact: string): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    clearTimeout(this.#idle)
    for (const { reject, deadline } of this.#waiting.values()) {
      clearTimeout(deadline)
      reject(new Error(`the thread that counts tokens is gone: ${fact}`))
    }
    this.#waiting.clear()
    await worker?.terminate()
  }
}
