import { lstat, readdir, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Exchange } from '@ccr/sdk'
import pino from 'pino'
import type { Log } from '../../core/log.ts'
import type { RoutingLog, RoutingNote } from '../../exchange/ports.ts'
import { LogFile } from './log-file.ts'
import { createPrivateDirectory } from '../../load/private-files.ts'
import type { Redact } from './redact.ts'
import { routingLine } from './routing-line.ts'

/** What is logged. */
export interface LogOptions {
  readonly enabled: boolean
  readonly level: string
  /** Applied to every line. */
  readonly redact: Redact
}

const KEPT = 10
const FULL = 10 * 1024 * 1024

/** What was routed where. */
const ROUTING = 'claude-code-router.log'

/**
 * The two logs of a router: `logs/ccr-<stamp>.log` for the server, `logs/claude-code-router.log` for what was routed
 * where. The home has a link to the second: its folder is watched, and a log that grows in it made the watcher list it
 * at each write, which cost a small request a twentieth of its time.
 */
export class Logs implements RoutingLog {
  readonly log: Log
  readonly #home: string
  readonly #full: number
  readonly #pino: pino.Logger
  #options: LogOptions
  #server: LogFile | undefined
  #routing: LogFile | undefined
  #unusable = false
  #stampedAt = 0
  #stamped = ''

  /** @param full length of a full log, in bytes */
  constructor(home: string, options: LogOptions, full = FULL) {
    this.#home = home
    this.#full = full
    this.#options = options
    const stream = { write: (line: string): void => this.#server?.write(line) }
    this.#pino = pino({ level: 'silent', base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream)
    this.log = this.#pino
  }

  /** Takes other options, and opens the files when they are first wanted. */
  async configure(options: LogOptions): Promise<void> {
    this.#options = options
    // The router matters more than its log: a directory that cannot be written is told by /health.
    if (options.enabled && !(this.#server && this.#routing))
      this.#unusable = await this.#open().then(
        () => false,
        () => true,
      )
    this.#pino.level = options.enabled ? options.level : 'silent'
  }

  /** What is wrong, while a log cannot be written. */
  get fault(): string | undefined {
    const fails = this.#unusable || this.#server?.failing || this.#routing?.failing
    return fails ? `the logs in ${join(this.#home, 'logs')} cannot be written: see to its space and rights` : undefined
  }

  record(exchange: Exchange, note: RoutingNote): void {
    if (this.#options.enabled) this.#routing?.write(routingLine(this.#stamp(), exchange, note))
  }

  async close(): Promise<void> {
    this.#pino.level = 'silent'
    await Promise.all([this.#server?.close(), this.#routing?.close()])
  }

  /** The time, written out once per second but for its milliseconds. */
  #stamp(): string {
    const now = Date.now()
    const milliseconds = now % 1000
    if (now - milliseconds !== this.#stampedAt) {
      this.#stampedAt = now - milliseconds
      this.#stamped = new Date(now).toISOString().slice(0, -4)
    }
    return `${this.#stamped}${String(milliseconds).padStart(3, '0')}Z`
  }

  async #open(): Promise<void> {
    const directory = join(this.#home, 'logs')
    await createPrivateDirectory(directory)
    await removeOld(directory)
    const routing = join(directory, ROUTING)
    const link = join(this.#home, ROUTING)
    const [there, here] = await Promise.all([link, routing].map((path) => lstat(path).catch(() => undefined)))
    // Where it was before it had a folder of its own.
    if (there?.isFile() && !here) await rename(link, routing)
    const redact: Redact = (text) => this.#options.redact(text)
    const stamp = new Date().toISOString().replaceAll(':', '-')
    this.#server ??= await LogFile.open(join(directory, `ccr-${stamp}.log`), redact, this.#full)
    this.#routing ??= await LogFile.open(routing, redact, this.#full)
    // Where something stands already, or no link can be made, the log is found in its folder.
    await symlink(join('logs', ROUTING), link).catch(() => undefined)
  }
}

/** Leaves room for one more, of which each may be two files. The stamps in the names sort by time. */
async function removeOld(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => /^ccr-.*\.log(?:\.1)?$/.test(name))
  const logs = [...new Set(names.map((name) => name.replace(/\.1$/, '')))].sort()
  for (const log of logs.slice(0, Math.max(0, logs.length - KEPT + 1)))
    for (const name of [log, `${log}.1`]) await rm(join(directory, name), { force: true })
}
