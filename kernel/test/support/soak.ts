import { messageOf } from '@ccr/sdk'
import { exchange, SoakClients, type Flaw, type Outcome, type Seen } from './soak-answers.ts'
import { breakFiles, changeAt, FAULTS, makeChange, mendFiles, stateAfter, type Change } from './soak-changes.ts'
import type { Measure } from './soak-plugins.ts'
import { poll, seenIn, startWorld, type Fault, type World, type WorldState } from './soak-world.ts'

/** How a soak is run. */
export interface SoakOptions {
  readonly clients: number
  readonly swaps: number
  /** Between two measurements of what the process holds, for which the clients rest. */
  readonly measureEvery: number
  /** Swaps before the first of them. */
  readonly warmUp: number
  /** The longest that all of it may take. */
  readonly limitMs: number
  readonly say?: (line: string) => void
}

/** What a soak came to. */
export interface SoakResult {
  readonly exchanges: number
  /** Changes that were taken, and those that were refused with the fault they should be. */
  readonly taken: number
  readonly refused: number
  /** Changes that came to another end. */
  readonly surprises: readonly string[]
  readonly flaws: Readonly<Record<Flaw, number>>
  /** The first flaws, in words. */
  readonly facts: readonly string[]
  /** Exchanges made by a generation that never was, or no longer was, when they began. */
  readonly stale: number
  readonly measures: readonly Measure[]
  /** Requests that reached the upstream. */
  readonly sent: number
  /** Instances that were not disposed when the router had ended, by its own account. */
  readonly aliveAtEnd: number
  readonly exitCode: number | null
  /** Lines of the server's log that are errors, but for those of refused changes. */
  readonly errors: readonly string[]
  readonly ms: number
}

const START: WorldState = { code: 0, dependency: 0, label: 0, section: 0, provider: 'first' }
/** How long anything that should happen soon may take on a busy machine. */
const SOON_MS = 15_000
const MAX_FACTS = 10
const MAX_FLAWS = 100

/** Runs a soak: changes of everything while clients stream. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const world = await startWorld({ state: START })
  try {
    return await new Soak(world, options).run()
  } catch (thrown) {
    const lines = world.router.written().trim().split('\n').slice(-5)
    throw new Error(`${messageOf(thrown)}\nThe router wrote last:\n${lines.join('\n')}`, { cause: thrown })
  } finally {
    await world.stop()
  }
}

class Soak {
  readonly #world: World
  readonly #options: SoakOptions
  readonly #clients: SoakClients
  readonly #flaws: Record<Flaw, number> = { failed: 0, cut: 0, mixed: 0 }
  readonly #facts: string[] = []
  readonly #surprises: string[] = []
  readonly #measures: Measure[] = []
  /** What each generation that ever served shows, by its mark. */
  readonly #states = new Map<string, Seen>()
  #exchanges = 0
  #stale = 0
  #taken = 0
  #refused = 0
  #began = performance.now()

  constructor(world: World, options: SoakOptions) {
    this.#world = world
    this.#options = options
    const took = (outcome: Outcome): void => this.#take(outcome)
    this.#clients = new SoakClients(world.url, options.clients, generator(options.swaps), took)
  }

  async run(): Promise<SoakResult> {
    const { swaps, warmUp, measureEvery } = this.#options
    let state = START
    this.#note(state)
    this.#clients.start()
    try {
      for (let number = 1; number <= swaps; number++) {
        this.#bound(number)
        state = await this.#change(state, changeAt(number))
        const isLast = number === swaps
        const isDue = number === warmUp || (number > warmUp && number % measureEvery === 0)
        if (isDue || isLast) await this.#rest(number, isLast)
      }
    } finally {
      await this.#clients.stop()
    }
    return this.#end()
  }

  /** Ends a run that takes too long or goes wrong in every respect. */
  #bound(number: number): void {
    const { failed, cut, mixed } = this.#flaws
    const late = performance.now() - this.#began > this.#options.limitMs
    if (!late && failed + cut + mixed <= MAX_FLAWS) return
    const reason = late ? `took longer than ${this.#options.limitMs} ms` : `had too many flaws`
    throw new Error(`the soak ${reason} at change ${number}:\n${[...this.#facts, ...this.#surprises].join('\n')}`)
  }

  async #change(state: WorldState, change: Change): Promise<WorldState> {
    const { fault } = change
    if (fault) {
      breakFiles(this.#world, state, fault, change)
      await this.#expectFault(change, FAULTS[fault])
      await this.#expectNewest(state, change)
      mendFiles(this.#world, state, fault, change)
      await this.#settled(change)
      return state
    }
    const after = stateAfter(state, change)
    this.#note(after)
    const before = change.watched ? (await this.#world.report()).generation : 0
    makeChange(this.#world, after, change)
    if (change.watched) {
      await poll(`the change ${describe(change)}`, SOON_MS, async () => {
        const { generation } = await this.#world.report()
        return generation > before ? true : undefined
      })
    } else {
      const { status, text } = await this.#world.reload()
      if (status !== 200) this.#surprises.push(`${describe(change)} was refused: ${text.slice(0, 300)}`)
    }
    this.#taken++
    await this.#expectNewest(after, change)
    return after
  }

  async #expectFault(change: Change, code: string): Promise<void> {
    let fault: Partial<Fault> | undefined
    if (change.watched) {
      fault = await poll(`the fault of ${describe(change)}`, SOON_MS, async () => {
        const { lastError } = await this.#world.report()
        return lastError?.code === code ? lastError : undefined
      })
    } else {
      const { status, json } = await this.#world.reload()
      if (status === 422) fault = (json as { readonly error: Fault }).error
    }
    if (fault?.code === code) this.#refused++
    else this.#surprises.push(`${describe(change)} ended as ${JSON.stringify(fault)}`)
  }

  /** The files are as before the fault, and the router says so. */
  async #settled(change: Change): Promise<void> {
    if (!change.watched) return void (await this.#world.reload())
    await poll(`the end of ${describe(change)}`, SOON_MS, async () =>
      (await this.#world.report()).lastError === undefined ? true : undefined,
    )
  }

  /** What begins now is made by the newest generation. */
  async #expectNewest(state: WorldState, change: Change): Promise<void> {
    const outcome = await exchange(this.#world.url, { words: 1, everyMs: 0 })
    this.#take(outcome)
    if ('flaw' in outcome || outcome.seen.mark === seenIn(state).mark) return
    this.#stale++
    this.#fact(`after ${describe(change)}: ${outcome.seen.mark} instead of ${seenIn(state).mark}`)
  }

  #note(state: WorldState): void {
    const seen = seenIn(state)
    this.#states.set(seen.mark, seen)
  }

  #take(outcome: Outcome): void {
    this.#exchanges++
    if ('flaw' in outcome) {
      this.#flaws[outcome.flaw]++
      return this.#fact(`${outcome.flaw}: ${outcome.fact}`)
    }
    const { mark, target } = outcome.seen
    if (this.#states.get(mark)?.target === target) return
    this.#flaws.mixed++
    this.#fact(`mixed: no generation was ${mark} with ${target}`)
  }

  #fact(fact: string): void {
    if (this.#facts.length < MAX_FACTS) this.#facts.push(fact)
  }

  /** Lets everything come to rest and measures what is left. */
  async #rest(number: number, isLast: boolean): Promise<void> {
    await this.#clients.stop()
    await poll('the end of every replaced generation', SOON_MS, async () =>
      (await this.#world.report()).draining.length === 0 ? true : undefined,
    )
    this.#world.upstream.closeIdle()
    const measure = await this.#world.measure()
    this.#measures.push(measure)
    const { failed, cut, mixed } = this.#flaws
    const seconds = Math.round((performance.now() - this.#began) / 1000)
    const { memoryBytes, activated, disposed, callsAfterDisposal, modules } = measure
    this.#options.say?.(
      `${number} changes, ${seconds} s: ${this.#exchanges} exchanges, ${failed} failed, ${cut} cut, ${mixed} mixed, ` +
        `${this.#stale} stale, ${callsAfterDisposal} calls after disposal; ${activated} activated, ` +
        `${activated - disposed} alive, ${modules} modules, ${(memoryBytes / 2 ** 20).toFixed(1)} MiB`,
    )
    if (!isLast) this.#clients.start()
  }

  async #end(): Promise<SoakResult> {
    const { router, upstream } = this.#world
    router.child.kill('SIGTERM')
    const exitCode = await router.exited
    const lines = router.written().split('\n')
    const disposals = lines.filter((line) => line.includes('soak: disposed'))
    const alive = disposals.map((line) => (JSON.parse(line) as { readonly alive: number }).alive)
    // Levels of the log: 50 is an error.
    const errors = lines.filter((line) => /"level":[56]0/.test(line) && !line.includes('the change was not taken'))
    return {
      exchanges: this.#exchanges,
      taken: this.#taken,
      refused: this.#refused,
      surprises: this.#surprises,
      flaws: this.#flaws,
      facts: this.#facts,
      stale: this.#stale,
      measures: this.#measures,
      sent: upstream.begun,
      aliveAtEnd: alive.at(-1) ?? Infinity,
      exitCode,
      errors,
      ms: performance.now() - this.#began,
    }
  }
}

function describe({ number, edit, fault, watched }: Change): string {
  return `change ${number} (${fault ?? edit}, ${watched ? 'watched' : 'asked for'})`
}

/** A repeatable source of numbers from 0 to 1. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}
