import type { HookName } from '@ccr/sdk'
import type { BuildFailure, Generation } from '../../core/generation.ts'
import type { HookUse, Quarantine } from '../../core/health.ts'
import type { Instance } from '../../core/instance.ts'
import type { Kernel } from '../../core/kernel.ts'
import type { Reverted } from '../../load/probation.ts'
import type { HoldingExchange } from '../http/exchanges.ts'
import type { RouterState } from '../router-state.ts'

/** A plugin in use; times in milliseconds. */
export interface InstanceReport {
  readonly id: string
  readonly plugin: string
  readonly profile: string
  readonly timing: {
    readonly bundleMs?: number | undefined
    readonly evaluateMs?: number | undefined
    readonly activateMs: number
  }
  /** The hooks that it has handlers of, in the order in which it has set them. */
  readonly handles: readonly HookName[]
  /** What its handlers were called for and what they cost, by hook. */
  readonly hooks: Readonly<Record<string, HookUse>>
  /** Why it is no longer called. */
  readonly quarantine: Quarantine | undefined
}

/** What `GET /api/generation` says: what runs, what was left out and why, what each plugin has done and cost. */
export interface GenerationReport extends Pick<
  RouterState,
  'warnings' | 'unmatched' | 'disabledProviders' | 'brokenPresets' | 'lastError' | 'safeMode'
> {
  readonly generation: number
  readonly state: Generation['state'] | 'building'
  readonly leases: number
  readonly instances: readonly InstanceReport[]
  readonly providers: readonly { readonly name: string; readonly models: readonly string[]; readonly dialect: string }[]
  /** The routing worlds that are served, `default` included. */
  readonly profiles: readonly string[]
  /** Plugins that were left out. */
  readonly failures: readonly BuildFailure[]
  /** Changes of plugins that were taken back. */
  readonly reverted: readonly Reverted[]
  /** Replaced generations that exchanges still run on. */
  readonly draining: readonly {
    readonly generation: number
    readonly leases: number
    readonly exchanges: readonly HoldingExchange[]
  }[]
}

/** What the report is made of. */
export interface ReportOptions {
  readonly kernel: Kernel
  readonly state: () => RouterState
  readonly redact: (text: string) => string
  readonly reverted: () => readonly Reverted[]
  readonly holding: (generation: number) => readonly HoldingExchange[]
}

export function createReport({ kernel, state, reverted, holding, redact }: ReportOptions): GenerationReport {
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
    warnings: warnings.map((warning) => redact(warning)),
    unmatched,
    disabledProviders,
    brokenPresets: brokenPresets.map((one) => ({ ...one, reason: redact(one.reason) })),
    reverted: reverted().map((one) => ({ ...one, message: redact(one.message) })),
    draining: kernel.draining.map(({ id, leases }) => ({ generation: id, leases, exchanges: holding(id) })),
    lastError,
    safeMode: safeMode && { ...safeMode, why: redact(safeMode.why) },
  }
}

function describe(
  { entry, profile, health, activateMs, taps }: Instance,
  redact: (text: string) => string,
): InstanceReport {
  const { quarantine, use } = health
  const { bundleMs, evaluateMs } = entry.loading ?? {}
  return {
    id: entry.id,
    plugin: entry.plugin.name,
    profile,
    timing: { bundleMs, evaluateMs, activateMs },
    handles: [...new Set(taps.map(({ hook }) => hook))],
    hooks: Object.fromEntries(use),
    quarantine: quarantine && { ...quarantine, message: redact(quarantine.message) },
  }
}
