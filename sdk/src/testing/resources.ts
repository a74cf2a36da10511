import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'

/** What holds something of the machine until it is given back, by Node's name for it. */
const HELD: Readonly<Record<string, string>> = {
  Timeout: 'a timer',
  TCPWRAP: 'a socket',
  TLSWRAP: 'a socket',
  PIPEWRAP: 'a pipe',
  UDPWRAP: 'a socket',
  TCPSERVERWRAP: 'a server',
  PIPESERVERWRAP: 'a server',
  PROCESSWRAP: 'a child process',
  WORKER: 'a worker',
  FSEVENTWRAP: 'a file watcher',
  STATWATCHER: 'a file watcher',
  SIGNALWRAP: 'a signal handler',
  FILEHANDLE: 'an open file',
}

/** What reaches out, by Node's name for it. */
const REACHES_OUT: ReadonlySet<string> = new Set([
  'TCPCONNECTWRAP',
  'PIPECONNECTWRAP',
  'GETADDRINFOREQWRAP',
  'GETNAMEINFOREQWRAP',
  'QUERYWRAP',
  'UDPSENDWRAP',
  'TCPSERVERWRAP',
])

/** What is left may still be on its way out. */
const GRACE_MS = 250
const GRACE_TURNS = 50

const context = new AsyncLocalStorage<ResourceWatch>()
const watches = new Set<ResourceWatch>()

const hook = createHook({
  init: (id, type) => {
    const what = HELD[type]
    const reaches = REACHES_OUT.has(type)
    if (what !== undefined || reaches) context.getStore()?.began(id, what, reaches ? type : undefined)
  },
  destroy: (id) => {
    for (const watch of watches) watch.ended(id)
  },
})

/**
 * Sees what code acquires that runs inside of {@link run}, and what follows from it: timers, sockets, files, processes,
 * and listeners of the process. Others that run at the same time are not mixed up with it.
 */
export class ResourceWatch {
  readonly #open = new Map<number, { readonly what: string; readonly where: Error }>()
  readonly #listeners = countListeners()
  readonly #network: string[] = []
  readonly #offline: boolean

  /** @param offline connections are refused, as without a network */
  constructor({ offline = false }: { readonly offline?: boolean } = {}) {
    this.#offline = offline
    watches.add(this)
    if (watches.size === 1) {
      hook.enable()
      Socket.prototype.connect = connectUnlessOffline
    }
  }

  /** Runs work whose acquisitions count. */
  run<T>(work: () => T): T {
    return context.run(this, work)
  }

  /** Runs work that is not looked at, inside of {@link run}. */
  static outside<T>(work: () => T): T {
    return context.exit(work)
  }

  /** What was tried to reach, each once. */
  get network(): readonly string[] {
    return [...new Set(this.#network)]
  }

  /** What was acquired so far, to tell later acquisitions from it. */
  mark(): ReadonlySet<number> {
    return new Set(this.#open.keys())
  }

  /** What was acquired since a mark and is not given back after a short while. */
  async left(since: ReadonlySet<number> = new Set()): Promise<readonly string[]> {
    const found = (): string[] => [...this.#open].flatMap(([id, one]) => (since.has(id) ? [] : described(one)))
    const until = performance.now() + GRACE_MS
    for (let turns = 0; (turns < GRACE_TURNS || performance.now() < until) && found().length > 0; turns++) await turn()
    return [...found(), ...newListeners(this.#listeners)]
  }

  /** Ends the watch. */
  close(): void {
    watches.delete(this)
    if (watches.size > 0) return
    hook.disable()
    Socket.prototype.connect = connect
  }

  /** Called by Node. */
  began(id: number, what: string | undefined, reaches: string | undefined): void {
    // Its stack is made when somebody reads it, which costs more than all else.
    if (what !== undefined) this.#open.set(id, { what, where: new Error(what) })
    if (reaches !== undefined) this.#network.push(reaches.startsWith('GETADDRINFO') ? 'a name' : 'the network')
  }

  /** Called by Node. */
  ended(id: number): void {
    this.#open.delete(id)
  }

  /** Whether a connection is refused, after it was noted. */
  refuses(target: string): boolean {
    this.#network.push(target)
    return this.#offline
  }
}

const connect = Socket.prototype.connect

/** Node's own `connect` has several forms; they are handed on as they are. */
function connectUnlessOffline(this: Socket, ...given: never[]): Socket {
  const target = targetOf(given)
  if (!context.getStore()?.refuses(target)) return connect.apply(this, given as never)
  process.nextTick(() => this.destroy(new Error(`connections are refused here; ${target} was not asked`)))
  return this
}

function targetOf(given: readonly unknown[]): string {
  const [first, second] = (Array.isArray(given[0]) ? given[0] : given) as readonly unknown[]
  if (typeof first !== 'object' || first === null)
    return `${typeof second === 'string' ? second : 'localhost'}:${first}`
  const { host = 'localhost', port, path } = first as { host?: string; port?: number | string; path?: string }
  return path ?? `${host}:${port}`
}

function described({ what, where }: { readonly what: string; readonly where: Error }): readonly string[] {
  const stack = where.stack ?? ''
  // The timer of AbortSignal.timeout ends with the signal. Node also calls it `Function.timeout`.
  return /\.timeout \(node:internal\/abort_controller:/.test(stack) ? [] : [`${what}${placeIn(stack)}`]
}

/** Where in the code of a plugin or a test something was acquired. */
function placeIn(stack: string): string {
  const lines = stack.split('\n').slice(1)
  const own = lines.find((line) => !/node:|[\\/]testing[\\/]resources\.|node_modules/.test(line) && /[\\/]/.test(line))
  const place = /\(?((?:file:\/\/)?[^\s()]+:\d+:\d+)\)?$/.exec(own ?? '')?.[1]
  return place === undefined ? '' : ` (${place.replace('file://', '')})`
}

function countListeners(): ReadonlyMap<string | symbol, number> {
  return new Map(process.eventNames().map((name) => [name, process.listenerCount(name)]))
}

function newListeners(before: ReadonlyMap<string | symbol, number>): string[] {
  return process.eventNames().flatMap((name) => {
    const more = process.listenerCount(name) - (before.get(name) ?? 0)
    return Array.from({ length: Math.max(0, more) }, () => `a listener of the process for '${String(name)}'`)
  })
}
