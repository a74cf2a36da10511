import { lookup } from 'node:dns'
import type { LookupFunction, Socket } from 'node:net'

type Options = Parameters<LookupFunction>[1]
type Answer = Parameters<LookupFunction>[2]

interface Lookup {
  readonly hostname: string
  readonly options: Options
  readonly answers: Set<Answer>
}

/** As many as libuv lets run on its four threads. Those that wait there could not be given up. */
const AT_ONCE = 2
const LOCALHOST = /(?:^|\.)localhost\.?$/i
const LOOPBACK = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/**
 * Looks up names, each once for all who wait for it, two at a time. A lookup cannot be called back and holds one of few
 * threads until it ends: of a name that nobody answers for, a lookup for each request would keep those of other names
 * waiting, and the process from ending. `localhost` needs none, so it is reached whatever becomes of other names.
 */
export class Lookups {
  readonly #resolve: LookupFunction
  readonly #open = new Map<string, Lookup>()
  /** Those of them that wait, oldest first. */
  readonly #waiting = new Set<string>()
  #running = 0
  /** How to give up what the socket asks for that is made now. */
  #leaving: (() => void)[] | undefined

  constructor(resolve: LookupFunction = lookup) {
    this.#resolve = resolve
  }

  /** For sockets to call. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    if (LOCALHOST.test(hostname)) return process.nextTick(answerLoopback, options, callback)
    const key = JSON.stringify([hostname, options.all, options.family, options.hints])
    this.#leaving?.push(() => this.#leave(key, callback))
    const known = this.#open.get(key)
    if (known) return void known.answers.add(callback)
    this.#open.set(key, { hostname, options, answers: new Set([callback]) })
    this.#waiting.add(key)
    this.#next()
  }

  /** Makes a socket that calls {@link lookup}; when it closes, it waits for no answer any more. */
  connect(make: () => Socket): Socket {
    const leaving: (() => void)[] = (this.#leaving = [])
    try {
      const socket = make()
      for (const leave of leaving) socket.once('close', leave)
      return socket
    } finally {
      this.#leaving = undefined
    }
  }

  #next(): void {
    for (const key of this.#waiting) {
      if (this.#running >= AT_ONCE) return
      this.#waiting.delete(key)
      this.#run(key)
    }
  }

  #run(key: string): void {
    const { hostname, options, answers } = this.#open.get(key)!
    this.#running++
    this.#resolve(hostname, options, (...result) => {
      this.#running--
      this.#open.delete(key)
      this.#next()
      for (const answer of answers) answer(...result)
    })
  }

  /** What runs goes on, for whoever asks for the same until it ends. */
  #leave(key: string, answer: Answer): void {
    const answers = this.#open.get(key)?.answers
    if (!answers?.delete(answer) || answers.size > 0 || !this.#waiting.delete(key)) return
    this.#open.delete(key)
  }
}

function answerLoopback(options: Options, answer: Answer): void {
  const { family } = options
  const found = family === 4 || family === 6 ? LOOPBACK.filter((one) => one.family === family) : LOOPBACK
  if (options.all) answer(null, found)
  else answer(null, found[0]!.address, found[0]!.family)
}
