import { CcrError, isCcrError, messageOf } from '@ccr/sdk'
import { placeOf } from '@ccr/sdk/kernel'
import type { Instance } from '../core/instance.ts'
import type { Kernel } from '../core/kernel.ts'
import type { Log } from '../core/log.ts'

/** Whose fault something is that no handler's caller could catch. */
export interface Culprit {
  readonly instance: Instance
  /** `file:line:column` in its code, where that is known. */
  readonly at: string | undefined
}

/** How an error came to be nobody's: thrown by a timer or an emitter, or a promise that nobody looked at. */
export type Origin = 'exception' | 'rejection'

/** After its quarantine a plugin may go on failing as often as its timers fire. */
const REPEAT_MS = 60_000
const CAUSES = 5

/**
 * Contains what plugins throw outside their handlers: it is attributed by its stack and counts toward the plugin's
 * quarantine.
 */
export class Containment {
  readonly #kernel: () => Kernel
  readonly #log: Log
  readonly #told = new WeakMap<Instance, number>()

  constructor(kernel: () => Kernel, log: Log) {
    this.#kernel = kernel
    this.#log = log
  }

  /** Takes what nothing caught; gives whether the process may go on. */
  caught(thrown: unknown, origin: Origin): boolean {
    const culprit = culpritOf(thrown, this.#instances())
    if (culprit) {
      this.#blame(culprit, thrown)
      return true
    }
    const goesOn = origin === 'rejection' || isOfSystem(thrown)
    const what = origin === 'rejection' ? 'nobody handled a rejection' : 'nothing caught an error'
    this.#log.error({ plugin: 'unknown', err: thrown }, goesOn ? `${what}; the router lives on` : what)
    return goesOn
  }

  /** Node warns where an emitter gathers listeners, the one leak that names its place. */
  warned(warning: Error): void {
    if (warning.name !== 'MaxListenersExceededWarning') return
    const culprit = culpritOf(warning, this.#instances())
    const { entry } = culprit?.instance ?? {}
    this.#log.warn(
      { plugin: entry?.plugin.name ?? 'unknown', entry: entry?.id, at: culprit?.at },
      `listeners are added and not removed: ${warning.message.split('. ')[0]}`,
    )
  }

  /** The plugin whose code calls this, by name and place. */
  onStack(): string | undefined {
    const culprit = culpritOf(new Error('where it is called'), this.#instances())
    if (!culprit) return undefined
    const { instance, at } = culprit
    return `plugin '${instance.entry.plugin.name}'${at === undefined ? '' : ` at ${at}`}`
  }

  #instances(): readonly Instance[] {
    const { current, draining } = this.#kernel()
    return [current ?? [], ...draining].flat().flatMap(({ instances }) => instances)
  }

  #blame({ instance, at }: Culprit, thrown: unknown): void {
    const { entry, health } = instance
    const now = performance.now()
    const silent = health.quarantine !== undefined && now - (this.#told.get(instance) ?? -REPEAT_MS) < REPEAT_MS
    if (!silent) {
      this.#told.set(instance, now)
      const fields = { plugin: entry.plugin.name, entry: entry.id, at, err: thrown }
      this.#log.error(fields, 'a plugin failed outside its handlers; the router lives on')
    }
    // That is what the code before it left behind, and says nothing about the code of now.
    if (isCcrError(thrown) && thrown.code === 'CCR_PLUGIN_STALE') return
    const fact = `plugin '${entry.plugin.name}' failed outside its handlers: ${messageOf(thrown)}`
    const detail = { plugin: entry.plugin.name, hook: LATE, at, cause: thrown }
    health.failed(LATE, new CcrError('CCR_HOOK_FAILED', fact, detail))
  }
}

/** Stands for a hook where a failure belongs to none. */
const LATE = 'outside'

/** The plugin whose code is nearest to the top of the stack of a thrown value, or of its causes. */
export function culpritOf(thrown: unknown, instances: readonly Instance[]): Culprit | undefined {
  const named = isCcrError(thrown) ? thrown.plugin : undefined
  const instance = named === undefined ? undefined : instances.find(({ entry }) => entry.plugin.name === named)
  if (instance) return { instance, at: (thrown as CcrError).at }
  const paths = instances.flatMap(({ entry }) => entry.paths ?? [])
  let error = thrown
  for (let depth = 0; depth < CAUSES && error instanceof Error; depth++) {
    const at = placeOf(error, paths)
    const owner = at === undefined ? undefined : ownerOf(at, instances)
    if (owner) return { instance: owner, at }
    error = error.cause
  }
  return undefined
}

/** Of plugins whose folders lie in each other, or hold files of several, the one that says it most exactly. */
function ownerOf(at: string, instances: readonly Instance[]): Instance | undefined {
  let best: { readonly instance: Instance; readonly length: number } | undefined
  for (const instance of instances) {
    for (const path of instance.entry.paths ?? []) {
      const holds = at.startsWith(path) && /^[:\\/]/.test(at.slice(path.length))
      if (holds && path.length > (best?.length ?? 0)) best = { instance, length: path.length }
    }
  }
  return best?.instance
}

/** An `error` event that nobody listened for, of a socket or file: what it was about has failed, and nothing else. */
function isOfSystem(thrown: unknown): boolean {
  return thrown instanceof Error && typeof (thrown as NodeJS.ErrnoException).syscall === 'string'
}
