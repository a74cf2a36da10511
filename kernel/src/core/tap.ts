import type { HookHandlers, HookName, Placement } from '@ccr/sdk'
import type { Condition } from './blueprint.ts'
import type { Health } from './health.ts'
import type { Log } from './log.ts'

type Placed = { readonly [Key in keyof Placement]-?: NonNullable<Placement[Key]> }

/** A handler of one instance, before it is placed in a generation. */
export interface Tap<Hook extends HookName = HookName> extends Placed {
  readonly plugin: string
  readonly entryId: string
  readonly paths: readonly string[]
  readonly hook: Hook
  readonly handler: HookHandlers[Hook]
  readonly stage: string
  /** In the wire stage: whose bodies it reads. */
  readonly dialect: string | undefined
  readonly durable: boolean
  readonly when: Condition | undefined
  readonly health: Health
  /** Hears of failures that are skipped. */
  readonly log: Log
}

interface HookRules {
  readonly timeoutMs: number
  readonly onFailure: 'fail' | 'skip'
  readonly stages: readonly string[]
}

/** Deadline, failure policy and stages of each hook; the first stage is the default. */
export const HOOK_RULES: { readonly [Hook in HookName]: HookRules } = {
  onRequest: { timeoutMs: 5_000, onFailure: 'fail', stages: ['request'] },
  selectRoute: { timeoutMs: 2_000, onFailure: 'skip', stages: ['pick', 'refine', 'final'] },
  transformRequest: { timeoutMs: 5_000, onFailure: 'fail', stages: ['canonical', 'wire', 'send'] },
  transformStream: { timeoutMs: 30_000, onFailure: 'fail', stages: ['stream'] },
  onError: { timeoutMs: 1_000, onFailure: 'skip', stages: ['error'] },
  onUsage: { timeoutMs: 10_000, onFailure: 'skip', stages: ['usage'] },
}
