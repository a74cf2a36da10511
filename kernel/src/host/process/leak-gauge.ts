import type { Log } from '../../core/log.ts'

/** What a process holds. */
export interface Holding {
  /** Heap and what lies outside it, such as buffers. */
  readonly bytes: number
  /** Timers that keep the process alive. */
  readonly timers: number
}

/** What is looked at of a kernel: the plugins that run, and how often each was called. */
interface Instances {
  readonly current:
    | { readonly instances: readonly { readonly entry: NamedEntry; readonly health: { readonly use: Uses } }[] }
    | undefined
}
type NamedEntry = { readonly plugin: { readonly name: string } }
type Uses = ReadonlyMap<string, { readonly calls: number }>

/** How the gauge judges. */
export interface GaugeOptions {
  /** Growth over the least that was seen, in bytes, from which it warns. */
  readonly bytes: number
  readonly timers: number
  /** So many samples in a row must be above it: garbage is not growth. */
  readonly samples: number
}

const GAUGE: GaugeOptions = { bytes: 256 * 1024 * 1024, timers: 10_000, samples: 5 }
const SAMPLE_MS = 30_000
const MIB = 1024 * 1024

/**
 * Warns when the process keeps growing, with the plugins that were called meanwhile. What each plugin holds cannot be
 * seen from outside it, so this names those who may be at fault and no more.
 */
export class LeakGauge {
  readonly #kernel: () => Instances
  readonly #log: Log
  readonly #options: GaugeOptions
  readonly #read: () => Holding
  #least: Holding | undefined
  #recent: Holding[] = []
  #calls = new Map<string, number>()

  constructor(kernel: () => Instances, log: Log, options = GAUGE, read = readHolding) {
    this.#kernel = kernel
    this.#log = log
    this.#options = options
    this.#read = read
  }

  /** Samples from time to time; the returned function ends it. */
  start(): () => void {
    const timer = setInterval(() => this.sample(), SAMPLE_MS)
    timer.unref()
    return () => clearInterval(timer)
  }

  /** Looks once. */
  sample(): void {
    const { samples, bytes, timers } = this.#options
    const now = this.#read()
    if (!this.#least) {
      this.#least = now
      this.#calls = this.#callsByPlugin()
    }
    const least = { bytes: Math.min(this.#least.bytes, now.bytes), timers: Math.min(this.#least.timers, now.timers) }
    this.#least = least
    this.#recent = [...this.#recent, now].slice(-samples)
    if (this.#recent.length < samples) return
    const grown = {
      bytes: Math.min(...this.#recent.map((one) => one.bytes)) - least.bytes,
      timers: Math.min(...this.#recent.map((one) => one.timers)) - least.timers,
    }
    if (grown.bytes < bytes && grown.timers < timers) return
    const calls = this.#callsByPlugin()
    const since = [...calls].map(([name, count]) => [name, count - (this.#calls.get(name) ?? 0)] as const)
    const busiest = since.filter(([, count]) => count > 0).sort(([, first], [, second]) => second - first)
    const fact = `the router holds ${Math.round(grown.bytes / MIB)} MiB and ${grown.timers} timers more than it did`
    this.#log.warn(
      { bytes: grown.bytes, timers: grown.timers, calls: Object.fromEntries(busiest.slice(0, 10)) },
      `${fact}; a plugin that was called meanwhile may leak. \`ccr plugin disable\` tells which`,
    )
    // What is held now is the measure of what comes.
    this.#least = now
    this.#recent = []
    this.#calls = calls
  }

  #callsByPlugin(): Map<string, number> {
    const calls = new Map<string, number>()
    for (const { entry, health } of this.#kernel().current?.instances ?? []) {
      const count = [...health.use.values()].reduce((sum, use) => sum + use.calls, 0)
      calls.set(entry.plugin.name, (calls.get(entry.plugin.name) ?? 0) + count)
    }
    return calls
  }
}

function readHolding(): Holding {
  const { heapUsed, external } = process.memoryUsage()
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'Immediate').length
  return { bytes: heapUsed + external, timers }
}
