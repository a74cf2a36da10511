import type { Contributions, Dialect, Endpoint, LocalProvider, Provider, Secret } from '@ccr/sdk'
import { createTargetHooks, type HookTable, type TargetHooks } from './hooks.ts'
import type { Instance } from './instance.ts'
import type { Log } from './log.ts'
import type { Tap } from './tap.ts'

/** A provider of one generation: configured, or contributed by a plugin. */
export interface GenerationProvider extends Provider {
  readonly baseUrl: string
  readonly secret: Secret | undefined
  /** Present when the answers are made in the process. */
  readonly contributed: LocalProvider | undefined
}

/** What a generation could not use, and why; it serves without it. */
export interface BuildFailure {
  readonly subject: string
  readonly code: string
  readonly message: string
  readonly at?: string | undefined
}

/** What {@link Generation} is made of. */
export interface GenerationParts {
  readonly id: number
  readonly instances: readonly Instance[]
  readonly hooks: HookTable
  readonly taps: readonly Tap[]
  readonly endpoints: readonly Endpoint[]
  readonly dialects: ReadonlyMap<string, Dialect>
  readonly providers: ReadonlyMap<string, GenerationProvider>
  readonly failures: readonly BuildFailure[]
}

/** An immutable set of instances with its compiled hooks, endpoints and providers, and a count of who uses it. */
export class Generation {
  readonly id: number
  readonly instances: readonly Instance[]
  readonly hooks: HookTable
  readonly endpoints: readonly Endpoint[]
  readonly dialects: ReadonlyMap<string, Dialect>
  /** By name, in config order. */
  readonly providers: ReadonlyMap<string, GenerationProvider>
  /** The same as a list, without what plugins must not see. */
  readonly providerList: readonly Provider[]
  readonly failures: readonly BuildFailure[]
  state: 'building' | 'live' | 'draining' | 'disposed' = 'building'
  readonly #taps: readonly Tap[]
  readonly #log: Log
  readonly #targets = new Map<string, TargetHooks>()
  #leases = 0
  #idle: (() => void) | undefined

  constructor(parts: GenerationParts, log: Log) {
    this.id = parts.id
    this.instances = parts.instances
    this.hooks = parts.hooks
    this.endpoints = parts.endpoints
    this.dialects = parts.dialects
    this.providers = parts.providers
    this.providerList = Object.freeze(
      [...parts.providers.values()].map(({ name, models, dialect, local }) =>
        Object.freeze({ name, models, dialect, local }),
      ),
    )
    this.failures = parts.failures
    this.#taps = parts.taps
    this.#log = log
  }

  /** Exchanges that run on this generation. */
  get leases(): number {
    return this.#leases
  }

  /** The transform hooks for a target of this dialect, made at its first use. */
  targetHooks(dialect: string): TargetHooks {
    let hooks = this.#targets.get(dialect)
    if (!hooks) this.#targets.set(dialect, (hooks = createTargetHooks(this.#taps, dialect, this.#log)))
    return hooks
  }

  /** Holds the generation until the returned function is called; calling it again does nothing. */
  acquire(): () => void {
    this.#leases++
    let held = true
    return () => {
      if (!held) return
      held = false
      if (--this.#leases === 0) this.#idle?.()
    }
  }

  /** Resolves when nobody uses the generation any more, or after the limit. */
  drained(limitMs: number): Promise<'idle' | 'timeout'> {
    if (this.#leases === 0) return Promise.resolve('idle')
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve('timeout'), limitMs)
      timer.unref()
      this.#idle = () => {
        clearTimeout(timer)
        resolve('idle')
      }
    })
  }
}

/** What plugins contributed to one point, in config order. */
export function contributionsTo<Point extends keyof Contributions>(
  instances: readonly Instance[],
  point: Point,
): { readonly owner: string; readonly value: Contributions[Point] }[] {
  return instances.flatMap((instance) =>
    instance.contributions
      .filter((one) => one.point === point)
      .map((one) => ({ owner: instance.entry.plugin.name, value: one.value as Contributions[Point] })),
  )
}
