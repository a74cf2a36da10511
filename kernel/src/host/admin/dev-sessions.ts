import { randomBytes } from 'node:crypto'
import type { Generation } from '../../core/generation.ts'
import type { HookUse, Quarantine } from '../../core/health.ts'
import type { Instance } from '../../core/instance.ts'
import type { RoutingLog } from '../../exchange/ports.ts'
import type { EntryConfig } from '../../load/entries.ts'
import type { Fault } from './fault.ts'

/** What a plugin did wrong, and where in its code as `file:line:column`. */
export interface Mistake {
  readonly message: string
  readonly at?: string | undefined
}

/** What a plugin's handlers did since the line before, by hook; the mistake is the last of as many as `errors` says. */
export type HookWork = Readonly<
  Record<
    string,
    { readonly calls: number; readonly errors: number; readonly ms: number; readonly mistake?: Mistake | undefined }
  >
>

/** What happened to a working copy, or through the router while it was in use. */
export type DevEvent = { readonly number: number } & (
  | { readonly type: 'live'; readonly generation: number; readonly plugin: string }
  | ({ readonly type: 'fault' } & Fault)
  | ({ readonly type: 'failing'; readonly plugin: string; readonly reverted: boolean } & Mistake)
  | {
      readonly type: 'request'
      readonly dialect: string
      readonly asked: string
      readonly target: string | undefined
      readonly route: string | undefined
      readonly status: number
      readonly outcome: string
      readonly ms: number
      readonly work: HookWork
    }
)

type NewEvent = DevEvent extends infer One ? (One extends DevEvent ? Omit<One, 'number'> : never) : never

/** A working copy that whoever develops it has lent to the router. */
interface Session {
  readonly id: string
  readonly entry: EntryConfig
  readonly events: DevEvent[]
  readonly waiting: Set<() => void>
  number: number
  /** Which code runs, as far as it was told. */
  told: number | undefined
  work: ReadonlyMap<string, HookUse>
  lease: NodeJS.Timeout | undefined
}

const SESSIONS = 16
const EVENTS = 1_000
/** Longer than anybody waits for events before asking again. */
const LEASE_MS = 15_000

/** How sessions reach the router. */
export interface DevSessionsOptions {
  /** The set of working copies changed by itself, because somebody asks for events no more. */
  readonly expired: () => void
  readonly generation: () => Generation | undefined
  readonly leaseMs?: number | undefined
}

/**
 * Working copies of plugins that are used without being in any config. Each is there for as long as somebody asks what
 * happens to it, and no longer, whatever ends the one who asked.
 */
export class DevSessions {
  readonly #options: DevSessionsOptions
  readonly #sessions = new Map<string, Session>()

  constructor(options: DevSessionsOptions) {
    this.#options = options
  }

  /** Entries in the order in which they came. */
  get entries(): readonly EntryConfig[] {
    return [...this.#sessions.values()].map(({ entry }) => entry)
  }

  /** Takes a working copy up; nothing when there are too many. */
  open(entry: EntryConfig): string | undefined {
    for (const { id, entry: other } of this.#sessions.values()) if (other.id === entry.id) this.close(id)
    if (this.#sessions.size >= SESSIONS) return undefined
    const id = randomBytes(8).toString('hex')
    const session: Session = {
      id,
      entry,
      events: [],
      waiting: new Set(),
      number: 0,
      told: undefined,
      work: new Map(),
      lease: undefined,
    }
    this.#sessions.set(id, session)
    this.#renew(session)
    return id
  }

  /** Forgets a working copy; gives whether there was one. */
  close(id: string): boolean {
    const session = this.#sessions.get(id)
    if (!session) return false
    clearTimeout(session.lease)
    this.#sessions.delete(id)
    for (const wake of session.waiting) wake()
    return true
  }

  closeAll(): void {
    for (const id of [...this.#sessions.keys()]) this.close(id)
  }

  /** What happened after an event; waits for something to happen. Nothing when there is no such session. */
  async eventsAfter(id: string, number: number, waitMs: number): Promise<readonly DevEvent[] | undefined> {
    const session = this.#sessions.get(id)
    if (!session) return undefined
    this.#renew(session)
    const found = (): readonly DevEvent[] => session.events.filter((event) => event.number > number)
    if (found().length === 0 && waitMs > 0) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer)
          session.waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, waitMs)
        session.waiting.add(wake)
      })
    }
    return this.#sessions.has(id) ? found() : undefined
  }

  /** A change was taken. Tells it where other code, or the same with other options, is in use now. */
  live(generation: Generation): void {
    for (const session of this.#sessions.values()) {
      const instance = instancesOf(session, generation)[0]
      if (!instance || instance.serial === session.told) continue
      session.told = instance.serial
      session.work = totals(session, generation)
      this.#tell(session, { type: 'live', generation: generation.id, plugin: instance.entry.plugin.name })
    }
  }

  /** A change was not taken. */
  failed(fault: Fault): void {
    for (const session of this.#sessions.values()) {
      // What is corrected next is told even when it is what was there before.
      session.told = undefined
      this.#tell(session, { type: 'fault', ...fault })
    }
  }

  /** A plugin failed too often: it is called no more, or what it was before its last change is in use again. */
  failing({ entry }: Instance, { message, at }: Quarantine, reverted: boolean): void {
    for (const session of this.#sessions.values()) {
      if (session.entry.id !== entry.id) continue
      this.#tell(session, { type: 'failing', plugin: entry.plugin.name, reverted, message, at })
      const generation = this.#options.generation()
      if (!reverted || !generation) continue
      session.told = instancesOf(session, generation)[0]?.serial
      session.work = totals(session, generation)
    }
  }

  /** The routing log, which is listened to while there are working copies. */
  tee(log: RoutingLog): RoutingLog {
    return {
      record: (exchange, note) => {
        log.record(exchange, note)
        if (note.event !== 'done' || this.#sessions.size === 0) return
        const { status, httpStatus, ms, attempts } = note.record
        const last = attempts.at(-1)
        for (const session of this.#sessions.values()) {
          this.#tell(session, {
            type: 'request',
            dialect: exchange.dialect,
            asked: exchange.request.model,
            target: last && `${last.provider},${last.model}`,
            route: exchange.plan?.decidedBy,
            status: httpStatus,
            outcome: status,
            ms: Math.round(ms),
            work: this.#workOf(session),
          })
        }
      },
    }
  }

  #workOf(session: Session): HookWork {
    const generation = this.#options.generation()
    const now = generation ? totals(session, generation) : new Map<string, HookUse>()
    const instances = generation ? instancesOf(session, generation) : []
    const rows = [...now].map(([hook, use]) => {
      const before = session.work.get(hook)
      const calls = use.calls - (before?.calls ?? 0)
      const errors = use.errors + use.timeouts - (before ? before.errors + before.timeouts : 0)
      const mistake = errors === 0 ? undefined : instances.flatMap(({ health }) => health.faults.get(hook) ?? [])[0]
      return [hook, { calls, errors, ms: use.ms - (before?.ms ?? 0), mistake }] as const
    })
    session.work = now
    return Object.fromEntries(rows.filter(([, { calls, errors }]) => calls > 0 || errors > 0))
  }

  #tell(session: Session, event: NewEvent): void {
    session.events.push({ ...event, number: ++session.number })
    if (session.events.length > EVENTS) session.events.shift()
    for (const wake of session.waiting) wake()
  }

  #renew(session: Session): void {
    clearTimeout(session.lease)
    session.lease = setTimeout(() => {
      if (this.close(session.id)) this.#options.expired()
    }, this.#options.leaseMs ?? LEASE_MS)
    session.lease.unref()
  }
}

function instancesOf({ entry }: Session, { instances }: Generation) {
  return instances.filter((one) => one.entry.id === entry.id)
}

/** Over all profiles. */
function totals(session: Session, generation: Generation): Map<string, HookUse> {
  const sums = new Map<string, HookUse>()
  for (const { health } of instancesOf(session, generation)) {
    for (const [hook, use] of health.use) {
      const sum = sums.get(hook) ?? { calls: 0, errors: 0, timeouts: 0, ms: 0, maxMs: 0 }
      sums.set(hook, {
        calls: sum.calls + use.calls,
        errors: sum.errors + use.errors,
        timeouts: sum.timeouts + use.timeouts,
        ms: sum.ms + use.ms,
        maxMs: Math.max(sum.maxMs, use.maxMs),
      })
    }
  }
  return sums
}
