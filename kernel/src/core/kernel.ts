import { CcrError, type Facilities } from '@ccr/sdk'
import type { Settings } from '@ccr/sdk/kernel'
import type { Blueprint } from './blueprint.ts'
import { buildGeneration } from './build.ts'
import type { RunInner } from './context.ts'
import type { Generation } from './generation.ts'
import type { Quarantine } from './health.ts'
import type { Instance } from './instance.ts'
import type { Log } from './log.ts'
import { StateStore } from './state.ts'

/** How a kernel is set up. */
export interface KernelOptions {
  readonly log: Log
  readonly settings: Settings
  /** Runs what plugins ask `ctx.exchange` for. */
  readonly inner: RunInner
  /** What plugins could use if they declared all of it, for an entry named as among those of all profiles. */
  readonly facilities: (owner: string) => Facilities
  /** Throws when the host cannot use what an instance registered; its activation fails then. */
  readonly check?: (instance: Instance) => void
  /** Hears of a plugin that is not called any more. */
  readonly onQuarantine?: (instance: Instance, reason: Quarantine) => void
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
  readonly #states = new StateStore()
  /** Resume whoever waits for room. */
  readonly #roomy: (() => void)[] = []
  #settings: Settings
  #current: Generation | undefined
  #lastId = 0
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: KernelOptions) {
    this.#options = options
    this.#settings = options.settings
  }

  /** Takes other settings; what runs keeps its own. */
  configure(settings: Settings): void {
    this.#settings = settings
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

  /** Resolves when one more generation may live. Whoever reads what to build should wait for it, and read then. */
  async room(): Promise<void> {
    while (!this.#closed && this.#draining.size >= this.#settings.limits.generations) {
      this.#options.log.warn({ draining: this.#draining.size }, 'a change waits for exchanges of older generations')
      await new Promise<void>((resolve) => void this.#roomy.push(resolve))
    }
  }

  /** Holds the current generation. Throws before the first {@link apply}. */
  acquire(): Lease {
    const generation = this.#current
    if (!generation) throw new Error('the kernel has no generation yet; apply a blueprint first')
    return { generation, release: generation.acquire() }
  }

  /** Disposes everything, at once, and takes no change any more; exchanges must have ended. */
  async close(): Promise<void> {
    this.#closed = true
    for (const resume of this.#roomy.splice(0)) resume()
    await this.#queue
    const all = [this.#current ?? [], ...this.#draining].flat()
    this.#current = undefined
    await Promise.all(all.map((generation) => this.#dispose(generation)))
  }

  async #swap(blueprint: Blueprint): Promise<Generation> {
    await this.room()
    if (this.#closed) throw new CcrError('CCR_EXCHANGE_SHUTDOWN', 'the router is shutting down')
    const previous = this.#current
    const next = await buildGeneration(blueprint, {
      ...this.#options,
      id: this.#lastId + 1,
      reusable: this.#instances(),
      lenient: previous === undefined,
      settings: () => this.#settings,
      onQuarantine: (instance, reason) => this.#quarantined(instance, reason),
      states: this.#states,
    })
    this.#lastId = next.id
    next.state = 'live'
    this.#current = next
    this.#handOver(previous, next)
    this.#options.log.info({ generation: next.id, instances: next.instances.length }, 'generation live')
    if (previous) void this.#retire(previous)
    return next
  }

  /** What runs only where new exchanges come to moves on, and with it what each entry was before. */
  #handOver(previous: Generation | undefined, next: Generation): void {
    const { log } = this.#options
    const before = new Map(previous?.instances.map((instance) => [instance.owner, instance]))
    for (const instance of previous?.instances ?? []) if (!next.instances.includes(instance)) void instance.stop(log)
    for (const instance of next.instances) {
      const old = before.get(instance.owner)
      if (old && old !== instance) instance.replaced = { entry: old.entry, at: performance.now() }
      instance.start(log)
    }
  }

  #quarantined(instance: Instance, reason: Quarantine): void {
    const { id: entry, plugin } = instance.entry
    const fact = `plugin '${plugin.name}' is quarantined: ${reason.message}`
    this.#options.log.error({ plugin: plugin.name, entry, hook: reason.hook, at: reason.at }, fact)
    void instance.stop(this.#options.log)
    this.#options.onQuarantine?.(instance, reason)
  }

  async #retire(generation: Generation): Promise<void> {
    generation.state = 'draining'
    this.#draining.add(generation)
    if ((await generation.drained(this.#settings.timeouts.totalStream)) === 'timeout') {
      const { id, leases } = generation
      this.#options.log.warn({ generation: id, leases }, 'generation disposed while exchanges still ran on it')
    }
    await this.#dispose(generation)
  }

  async #dispose(generation: Generation): Promise<void> {
    if (generation.state === 'disposed') return
    generation.state = 'disposed'
    this.#draining.delete(generation)
    for (const resume of this.#roomy.splice(0)) resume()
    for (const instance of [...generation.instances].reverse()) await instance.release(this.#options.log)
    this.#states.retain(new Set(this.#instances().map(({ state }) => state.owner)))
  }

  /** Those of every generation that is not disposed. */
  #instances(): Instance[] {
    return [this.#current ?? [], ...this.#draining].flat().flatMap(({ instances }) => instances)
  }
}
