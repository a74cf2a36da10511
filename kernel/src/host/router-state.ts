import type { BrokenPreset } from '../config/loaded.ts'
import type { Fault } from './admin/fault.ts'
import type { SafeModeReport } from './safe-mode.ts'
import type { Unmatched } from './log/unmatched.ts'

/** What the router knows of itself beyond its generation. */
export interface RouterState {
  readonly version: string
  readonly instanceId: string
  /** Exchanges that run. */
  readonly inFlight: number
  /** Exchanges that wait for a place. */
  readonly queued: number
  /** What works less well than it should, such as `logs`. */
  readonly degraded: readonly string[]
  readonly warnings: readonly string[]
  readonly disabledProviders: readonly {
    readonly name: string
    /** Of one model alone. */
    readonly model?: string | undefined
    readonly reason: string
    readonly at?: string | undefined
  }[]
  /** Presets that are left out, or served as they were before. */
  readonly brokenPresets: readonly BrokenPreset[]
  /** Entries whose code could not be loaded. */
  readonly loadFailures: readonly (Fault & { readonly subject: string })[]
  /** Why the last change was not taken. */
  readonly lastError: Fault | undefined
  /** Present while third-party plugins are left out. */
  readonly safeMode: SafeModeReport | undefined
  /** What requests asked for by name in vain, the last first. */
  readonly unmatched: readonly Unmatched[]
}
