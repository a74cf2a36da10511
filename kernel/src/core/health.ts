import type { CcrError, HookName } from '@ccr/sdk'
import type { Settings, StageHealth } from '@ccr/sdk/kernel'

/** What the calls of one plugin's handlers of one hook came to; times in milliseconds. */
export interface HookUse {
  calls: number
  errors: number
  timeouts: number
  ms: number
  maxMs: number
}

/** The failure for which a plugin is no longer called. */
export interface Quarantine {
  readonly hook: string
  readonly message: string
  /** `file:line:column`. */
  readonly at: string | undefined
  /** Milliseconds since the epoch. */
  readonly since: number
}

/** What one instance has done and how often it failed. A quarantine ends with the instance: a change clears it. */
export class Health implements StageHealth {
  readonly use = new Map<string, HookUse>()
  /** The last failure of each hook, whether it led to a quarantine or not. */
  readonly faults = new Map<string, Quarantine>()
  readonly #settings: () => Settings
  readonly #firstCalls: number
  readonly #onQuarantine: (reason: Quarantine) => void
  #calls = 0
  #failed = 0
  #worked = false
  #recent: number[] = []
  #quarantine: Quarantine | undefined

  /**
   * @param settings as they are at each failure
   * @param firstCalls so many of an instance's first calls, when all of them failed, are enough
   */
  constructor(settings: () => Settings, firstCalls: number, onQuarantine: (reason: Quarantine) => void) {
    this.#settings = settings
    this.#firstCalls = firstCalls
    this.#onQuarantine = onQuarantine
  }

  get quarantine(): Quarantine | undefined {
    return this.#quarantine
  }

  /** @param worked whether the call has shown that the plugin works */
  called(hook: HookName, ms: number, worked: boolean): void {
    this.#calls++
    this.#worked ||= worked
    const use = this.#of(hook)
    use.calls++
    add(use, ms)
  }

  spent(hook: string, ms: number): void {
    add(this.#of(hook), ms)
  }

  failed(hook: string, error: CcrError): void {
    const fault = { hook, message: error.message, at: error.at, since: Date.now() }
    this.faults.set(hook, fault)
    this.#of(hook)[error.code === 'CCR_HOOK_TIMEOUT' ? 'timeouts' : 'errors']++
    const { limits, timeouts } = this.#settings()
    const now = performance.now()
    this.#recent = [...this.#recent.filter((at) => at > now - timeouts.quarantine), now].slice(-limits.failures)
    this.#failed++
    const atOnce = !this.#worked && this.#failed >= this.#firstCalls && this.#calls <= this.#firstCalls
    if (this.#quarantine || (this.#recent.length < limits.failures && !atOnce)) return
    this.#onQuarantine((this.#quarantine = fault))
  }

  #of(hook: string): HookUse {
    let use = this.use.get(hook)
    if (!use) this.use.set(hook, (use = { calls: 0, errors: 0, timeouts: 0, ms: 0, maxMs: 0 }))
    return use
  }
}

function add(use: HookUse, ms: number): void {
  use.ms += ms
  if (ms > use.maxMs) use.maxMs = ms
}
