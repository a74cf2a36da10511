import type { Settings } from '@ccr/sdk/kernel'
import type { Blueprint, Entry, ProfileBlueprint } from '../core/blueprint.ts'
import { DEFAULT_PROFILE, type Generation } from '../core/generation.ts'
import type { Quarantine } from '../core/health.ts'
import { ownerOf, type Instance } from '../core/instance.ts'
import { Kernel, type KernelOptions } from '../core/kernel.ts'
import type { Log } from '../core/log.ts'

/** A change of a plugin that was taken back, because the plugin failed right after it. */
export interface Reverted extends Quarantine {
  readonly entry: string
  readonly profile: string
}

/** What probation is made from. */
export interface ProbationOptions extends Omit<KernelOptions, 'onQuarantine'> {
  /** A plugin failed too often: it is called no more, or what it was before its last change is in use again. */
  readonly failing?: ((instance: Instance, reason: Quarantine, reverted: boolean) => void) | undefined
}

/**
 * Takes changes to a kernel, and takes back those after which a plugin fails: most faults show at the first request,
 * not while the code is loaded. What was taken back stays so until its code or options change again.
 */
export class Probation {
  readonly kernel: Kernel
  readonly #log: Log
  readonly #failing: ProbationOptions['failing']
  readonly #reverted = new Map<string, { readonly before: Entry; readonly why: Reverted }>()
  #settings: Settings
  #blueprint: Blueprint | undefined
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: ProbationOptions) {
    this.#log = options.log
    this.#failing = options.failing
    this.#settings = options.settings
    this.kernel = new Kernel({ ...options, onQuarantine: (instance, reason) => this.#quarantined(instance, reason) })
  }

  /** Changes that were taken back and have not been corrected yet. */
  get reverted(): readonly Reverted[] {
    return [...this.#reverted.values()].map(({ why }) => why)
  }

  configure(settings: Settings): void {
    this.#settings = settings
    this.kernel.configure(settings)
  }

  /** As {@link Kernel.apply}, but for what was taken back. */
  apply(wanted: Blueprint): Promise<Generation> {
    return this.#next(() => wanted)
  }

  /** What is wanted is asked when it is its turn: what is taken back is part of the newest change, whatever that is. */
  #next(wish: () => Blueprint): Promise<Generation> {
    const change = this.#queue.then(async () => {
      const wanted = wish()
      const generation = await this.kernel.apply(this.#withoutReverted(wanted))
      this.#blueprint = wanted
      return generation
    })
    this.#queue = change.catch(() => undefined)
    return change
  }

  #quarantined(instance: Instance, reason: Quarantine): void {
    const back = this.#takeBack(instance, reason)
    if (!back) return this.#failing?.(instance, reason, false)
    void back.then((reverted) => this.#failing?.(instance, reason, reverted))
  }

  /** Takes the change back that brought an instance, if it is to blame; tells whether that was possible. */
  #takeBack(instance: Instance, reason: Quarantine): Promise<boolean> | undefined {
    const { entry, profile, replaced } = instance
    const isYoung = replaced !== undefined && performance.now() - replaced.at < this.#settings.timeouts.probation
    const isUsed = this.kernel.current?.instances.includes(instance) === true
    const blueprint = this.#blueprint
    if (!isYoung || !isUsed || !blueprint) return undefined
    const id = identityOf(profile, entry)
    if (identityOf(profile, replaced.entry) === id) return undefined
    // What runs here because a change was taken back has nothing better before it.
    const before = [...this.#reverted.values()].filter(({ why }) => why.profile === profile)
    if (before.some((one) => sameCode(one.before, entry))) return undefined
    this.#reverted.set(id, { before: replaced.entry, why: { ...reason, entry: entry.id, profile } })
    const fact = `plugin '${entry.plugin.name}' gets its previous code and options back`
    this.#log.error({ plugin: entry.plugin.name, entry: entry.id }, fact)
    const change = this.#next(() => this.#blueprint ?? blueprint).then(() => true)
    return change.catch((err: unknown) => {
      // It must not be in the way of other changes; the plugin stays quarantined.
      this.#reverted.delete(id)
      this.#log.error({ err }, 'a change could not be taken back')
      return false
    })
  }

  #withoutReverted(wanted: Blueprint): Blueprint {
    if (this.#reverted.size === 0) return wanted
    const known = new Set<string>()
    const back = <P extends ProfileBlueprint>(profile: string, from: P): P => {
      const entries = from.entries.map((entry) => {
        const id = identityOf(profile, entry)
        known.add(id)
        const reverted = this.#reverted.get(id)
        return reverted ? { ...entry, ...codeOf(reverted.before) } : entry
      })
      return { ...from, entries }
    }
    const main = back(DEFAULT_PROFILE, wanted)
    const others = Object.entries(wanted.profiles ?? {}).map(([name, one]) => [name, back(name, one)] as const)
    for (const id of this.#reverted.keys()) if (!known.has(id)) this.#reverted.delete(id)
    return { ...main, profiles: Object.fromEntries(others) }
  }
}

function codeOf({ plugin, hash, options, file }: Entry): Pick<Entry, 'plugin' | 'hash' | 'options' | 'file'> {
  return { plugin, hash, options, file }
}

function sameCode(one: Entry, other: Entry): boolean {
  return identityOf('', one) === identityOf('', other)
}

/** What makes two uses of a plugin the same: where it is used, its code and its options. */
function identityOf(profile: string, entry: Entry): string {
  return JSON.stringify([ownerOf(profile, entry), entry.hash, entry.options])
}
