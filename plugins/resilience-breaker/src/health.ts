import type { Provider, Target } from '@ccr/sdk'
import type { HealthSettings } from './settings.ts'
import {
  TargetHealth,
  type AttemptEnd,
  type HealthReport,
  type HealthStatus,
  type Permission,
} from './target-health.ts'

/** Most targets that something is remembered of; clients may ask for models that no provider lists. */
const MAX_TARGETS = 1_000
/** Longest name of a model of which something is remembered. */
const MAX_NAME = 500

/** A target that is used otherwise than before. */
export interface Transition {
  readonly target: Target
  readonly from: HealthStatus
  readonly to: HealthStatus
  readonly reason: string | undefined
}

/** How the targets have fared of which something has to be remembered; of all others nothing is wrong. */
export class Health {
  readonly #targets = new Map<string, { readonly target: Target; readonly health: TargetHealth }>()

  permission(target: Target, now: number, generation: number): Permission {
    if (this.#targets.size === 0) return 'use'
    return this.#targets.get(keyOf(target))?.health.permission(now, generation) ?? 'use'
  }

  /** Lets nobody else try a target; gives what ends that. */
  beginTrial(target: Target): (() => void) | undefined {
    return this.#targets.get(keyOf(target))?.health.beginTrial()
  }

  /** Takes in how an attempt ended; says where that changes what becomes of its target. */
  see(of: Target, end: AttemptEnd, settings: HealthSettings): Transition | undefined {
    const isGood = end.outcome === 'ok' || end.outcome === 'neutral'
    if ((isGood && this.#targets.size === 0) || of.model.length > MAX_NAME) return undefined
    const key = keyOf(of)
    let known = this.#targets.get(key)
    if (!known) {
      if (isGood) return undefined
      known = { target: { provider: of.provider, model: of.model }, health: new TargetHealth() }
      this.#targets.set(key, known)
      this.#bound()
    }
    const { target, health } = known
    const { now } = end
    const { status: from } = health.report(now)
    health.see(end, settings)
    const { status: to, reason } = health.report(now)
    if (health.isForgettable(now)) this.#targets.delete(key)
    return from === to ? undefined : { target, from, to, reason }
  }

  /** Forgets what is known of a provider, or of one of its models. */
  reset(provider: string, model: string | undefined): number {
    let count = 0
    for (const [key, { target }] of this.#targets) {
      if (target.provider !== provider || (model !== undefined && target.model !== model)) continue
      this.#targets.delete(key)
      count++
    }
    return count
  }

  /** Every listed target, and what is known of others of these providers, and of those inside the process. */
  report(providers: readonly Provider[], now: number): readonly (Target & HealthReport)[] {
    return providers.flatMap(({ name, models, local }) => {
      const listed = local ? [] : models
      const others = [...this.#targets.values()]
        .filter(({ target }) => target.provider === name && !listed.includes(target.model))
        .map(({ target }) => target.model)
      return [...listed, ...others].map((model) => {
        const health = this.#targets.get(keyOf({ provider: name, model }))?.health ?? UNTOUCHED
        return { provider: name, model, ...health.report(now) }
      })
    })
  }

  #bound(): void {
    if (this.#targets.size <= MAX_TARGETS) return
    const [oldest] = this.#targets.keys()
    this.#targets.delete(oldest!)
  }
}

const UNTOUCHED = new TargetHealth()

function keyOf({ provider, model }: Target): string {
  return `${provider},${model}`
}
