import type { Facilities } from '@ccr/sdk'
import type { Assembly } from '../config/assemble.ts'
import type { Kernel } from '../core/kernel.ts'
import type { Log } from '../core/log.ts'
import { Containment } from './attribution.ts'
import { DevSessions } from './admin/dev-sessions.ts'
import { HostFacilities, type FacilitiesOptions } from './facilities.ts'
import type { Refusal } from './http/failure-answer.ts'
import { GuardRecord, idOf } from './guard-record.ts'
import { LeakGauge } from './process/leak-gauge.ts'
import { nowActivates } from '../load/start-watch.ts'
import { missingGuard, weighSafeMode, type SafeMode, type SafeModeReport } from './safe-mode.ts'
import type { TransportOptions } from './upstream/transport.ts'

/** What the care of plugins is made from. */
export interface PluginCareOptions extends FacilitiesOptions {
  readonly kernel: () => Kernel
  readonly log: Log
  /** Why the router starts without third-party plugins, if it does. */
  readonly safe?: SafeMode | undefined
  /** Called when they are back in use. */
  readonly onSafeModeLeft?: (() => void) | undefined
  /** Ids of the entries that are to run and do not. */
  readonly leftOut: () => ReadonlySet<string>
  /** The set of working copies changed by itself. */
  readonly expired: () => void
}

/** What the host does for plugins and about them, beside running them. */
export class PluginCare {
  readonly containment: Containment
  readonly dev: DevSessions
  readonly #options: PluginCareOptions
  readonly #facilities: HostFacilities
  readonly #guards: GuardRecord
  readonly #stopGauge: () => void
  #safe: SafeModeReport | undefined

  constructor(options: PluginCareOptions) {
    const { kernel, log, home, expired } = options
    this.#options = options
    this.#facilities = new HostFacilities(options)
    this.#guards = new GuardRecord(home)
    this.containment = new Containment(kernel, log)
    this.#stopGauge = new LeakGauge(kernel, log).start()
    this.dev = new DevSessions({ generation: () => kernel().current, expired })
  }

  /** Present while third-party plugins are left out. */
  get safeMode(): SafeModeReport | undefined {
    return this.#safe
  }

  /** The answer to every exchange while a plugin that decides what is let in is left out. */
  get closed(): Refusal | undefined {
    return this.#safe && missingGuard(this.#safe)
  }

  /** What the plugin of an entry, named as among those of all profiles, could use if it declared all of it. */
  facilities(owner: string): Facilities {
    // It is asked for right before that.
    nowActivates(idOf(owner))
    return this.#facilities.of(owner)
  }

  /** The router starts with this assembly. */
  async begin({ leftOut }: Assembly): Promise<void> {
    const { home, safe, log } = this.#options
    if (safe) {
      this.#safe = await weighSafeMode(home, safe, leftOut)
      log.error({ ...this.#safe }, 'started in safe mode, without third-party plugins')
    }
    await this.live()
  }

  /** A change was taken; whoever asks for one, or makes it, wants the plugins back. */
  async changed(transport: TransportOptions): Promise<void> {
    this.#facilities.configure(transport)
    if (this.#safe) {
      this.#safe = undefined
      this.#options.log.warn({}, 'safe mode ended: third-party plugins are in use again')
      this.#options.onSafeModeLeft?.()
    }
    await this.live()
  }

  /** Another generation may be live. */
  async live(): Promise<void> {
    const { kernel, leftOut, log } = this.#options
    const { current } = kernel()
    if (!current) return
    this.dev.live(current)
    if (this.#safe) return
    // It matters to a later start alone, and not as much as what runs.
    await this.#guards.keep(current, leftOut()).catch((err: unknown) => {
      log.warn({ err }, 'which plugins decide on requests could not be written down for safe mode')
    })
  }

  /** No plugin is called any more. */
  close(): void {
    this.#stopGauge()
    this.dev.closeAll()
    this.#facilities.close()
  }
}
