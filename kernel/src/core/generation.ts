import type { Contributions } from '@ccr/sdk'
import type { Instance } from './instance.ts'
import type { Profile } from './profile.ts'

/** What a generation could not use, and why; it serves without it. */
export interface BuildFailure {
  readonly subject: string
  readonly code: string
  readonly message: string
  readonly at?: string | undefined
}

/** The profile that serves requests which name none. */
export const DEFAULT_PROFILE = 'default'

/** An immutable set of instances with what they make up, and a count of who uses it. */
export class Generation {
  readonly id: number
  /** In the order in which they were activated. */
  readonly instances: readonly Instance[]
  readonly profiles: ReadonlyMap<string, Profile>
  readonly failures: readonly BuildFailure[]
  state: 'building' | 'live' | 'draining' | 'disposed' = 'building'
  #leases = 0
  #idle: (() => void) | undefined

  constructor(id: number, instances: readonly Instance[], profiles: Generation['profiles'], failures: BuildFailure[]) {
    this.id = id
    this.instances = instances
    this.profiles = profiles
    this.failures = failures
  }

  /** The profile that every generation has. */
  get main(): Profile {
    return this.profiles.get(DEFAULT_PROFILE)!
  }

  /** Exchanges that run on this generation. */
  get leases(): number {
    return this.#leases
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
