import type { Instance } from '../core/instance.ts'
import type { Kernel } from '../core/kernel.ts'
import type { Reverted } from '../load/probation.ts'
import type { HoldingExchange } from './exchanges.ts'
import type { RouterState } from './router-state.ts'

/** What the report is made of. */
export interface ReportOptions {
  readonly kernel: Kernel
  readonly state: () => RouterState
  readonly redact: (text: string) => string
  readonly reverted: () => readonly Reverted[]
  readonly holding: (generation: number) => readonly HoldingExchange[]
}

/** What `GET /api/generation` says: what runs, what was left out and why, what each plugin has done and cost. */
export function createReport({ kernel, state, reverted, holding, redact }: ReportOptions): object {
  const { warnings, disabledProviders, brokenPresets, loadFailures, lastError, safeMode, unmatched } = state()
  const { current } = kernel
  return {
    generation: current?.id ?? 0,
    state: current?.state ?? 'building',
    leases: current?.leases ?? 0,
    instances: current?.instances.map((instance) => describe(instance, redact)) ?? [],
    providers: current?.main.providerList.map(({ name, models, dialect }) => ({ name, models, dialect })) ?? [],
    profiles: [...(current?.profiles.keys() ?? [])],
    failures: [...loadFailures, ...(current?.failures ?? [])].map((one) => ({ ...one, message: redact(one.message) })),
    warnings,
    unmatched,
    disabledProviders,
    brokenPresets: brokenPresets.map((one) => ({ ...one, reason: redact(one.reason) })),
    reverted: reverted().map((one) => ({ ...one, message: redact(one.message) })),
    draining: kernel.draining.map(({ id, leases }) => ({ generation: id, leases, exchanges: holding(id) })),
    lastError,
    safeMode: safeMode && { ...safeMode, why: redact(safeMode.why) },
  }
}

/** One plugin in use; times in milliseconds. */
function describe({ entry, profile, health, activateMs }: Instance, redact: (text: string) => string): object {
  const { quarantine, use } = health
  const { bundleMs, evaluateMs } = entry.loading ?? {}
  return {
    id: entry.id,
    plugin: entry.plugin.name,
    profile,
    timing: { bundleMs, evaluateMs, activateMs },
    hooks: Object.fromEntries(use),
    quarantine: quarantine && { ...quarantine, message: redact(quarantine.message) },
  }
}
