import type { Blueprint } from './blueprint.ts'
import { buildGeneration } from './build.ts'
import type { Generation } from './generation.ts'
import type { Log } from './log.ts'

/** How a kernel is set up; times in milliseconds. */
export interface KernelOptions {
  readonly log: Log
  readonly activateMs: number
  /** How long a replaced generation may finish its exchanges. */
  readonly drainMs: number
}

/** A hold on the generation that serves one exchange. */
export interface Lease {
  readonly generation: Generation
  /** Lets go; calling it again does nothing. */
  release(): void
}

/** Holds the one mutable reference of the router: the generation that serves new exchanges. */
export class Kernel {
  readonly #options: KernelOptions
  readonly #draining = new Set<Generation>()
  #current: Generation | undefined
  #lastId = 0
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: KernelOptions) {
    this.#options = options
  }

  get current(): Generation | undefined {
    return this.#current
  }

  /** Replaced generations whose exchanges still run. */
  get draining(): readonly Generation[] {
    return [...this.#draining]
  }

  /**
   * Builds a candidate to the side and swaps it in with one assignment. Changes are taken one after the other; on any
   * failure the running generation is untouched.
   */
  apply(blueprint: Blueprint): Promise<Generation> {
    const change = this.#queue.then(() => this.#swap(blueprint))
    this.#queue = change.catch(() => undefined)
    return change
  }

  /** Holds the current generation. Throws before the first {@link apply}. */
  acquire(): Lease {
    const generation = this.#current
    if (!generation) throw new Error('the kernel has no generation yet; apply a blueprint first')
    return { generation, release: generation.acquire() }
  }

  /** Disposes everything, at once; exchanges must have ended. */
  async close(): Promise<void> {
    await this.#queue
    const last = this.#current
    this.#current = undefined
    if (last) await this.#dispose(last)
    await Promise.all([...this.#draining].map((generation) => this.#dispose(generation)))
  }

  async #swap(blueprint: Blueprint): Promise<Generation> {
    const { log, activateMs } = this.#options
    const previous = this.#current
    const reusable = previous?.instances ?? []
    const next = await buildGeneration(blueprint, {
      id: this.#lastId + 1,
      reusable,
      lenient: previous === undefined,
      activateMs,
      log,
    })
    this.#lastId = next.id
    next.state = 'live'
    this.#current = next
    log.info({ generation: next.id, instances: next.instances.length }, 'generation live')
    if (previous) void this.#retire(previous)
    return next
  }

  async #retire(generation: Generation): Promise<void> {
    generation.state = 'draining'
    this.#draining.add(generation)
    if ((await generation.drained(this.#options.drainMs)) === 'timeout') {
      this.#options.log.warn(
        { generation: generation.id, leases: generation.leases },
        'generation disposed while exchanges still ran on it',
      )
    }
    await this.#dispose(generation)
  }

  async #dispose(generation: Generation): Promise<void> {
    if (generation.state === 'disposed') return
    generation.state = 'disposed'
    this.#draining.delete(generation)
    for (const instance of [...generation.instances].reverse()) await instance.release(this.#options.log)
  }
}
