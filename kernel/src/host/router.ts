import type { Runtime } from '../exchange/ports.ts'
import type { Assembly } from '../config/assemble.ts'
import { CcrError } from '@ccr/sdk'
import { assemble } from '../config/assemble.ts'
import { InputWatcher, type Reading } from '../config/watch.ts'
import type { Kernel } from '../core/kernel.ts'
import { runExchange } from '../exchange/exchange.ts'
import { runInner } from '../exchange/inner.ts'
import { forgiving } from './cold-start.ts'
import { createControlEndpoints, toFault, withoutSecrets, type Fault } from './control.ts'
import { createHostNames } from './host-names.ts'
import { createIds } from './ids.ts'
import { checkBind } from './listen-failure.ts'
import { Keys } from './keys.ts'
import { Logs } from './logs.ts'
import { createRedactor, type Redact } from './redact.ts'
import { Probation } from '../load/probation.ts'
import { HostServer, type ServerRules } from './server.ts'
import { createEndpointTable } from './table.ts'
import { HostTransport } from './transport.ts'

/** What a router is started with. */
export interface RouterOptions {
  readonly home: string
  readonly configFile: string | undefined
  readonly env: NodeJS.ProcessEnv
  readonly version: string
  readonly instanceId: string
  readonly adminKey: string
  /** What the command line says; it wins over the config. */
  readonly host: string | undefined
  readonly port: number | undefined
}

/** Everything that lives as long as the router: kernel, server, transport, logs, and the config they were made from. */
export class Router {
  readonly #probation: Probation
  readonly logs: Logs
  readonly #options: RouterOptions
  readonly #transport: HostTransport
  readonly #server: HostServer
  readonly #watcher: InputWatcher
  readonly #newId = createIds()
  #assembly: Assembly
  /** How the running config was read. */
  #reading: Reading
  #redact: Redact
  #bound: { readonly host: string; readonly port: number }
  #lastError: Fault | undefined
  #changes: Promise<unknown> = Promise.resolve()
  /** Waits for its turn; whoever asks meanwhile shares it. */
  #waiting: Promise<void> | undefined
  /** It was asked for, so that it is built although no file changed. */
  #asked = false
  #closing = false

  /**
   * @param assembly the config as it was read first
   * @param reading how it was read
   */
  constructor(options: RouterOptions, assembly: Assembly, reading: Reading) {
    const { config } = assembly
    this.#options = options
    this.#assembly = assembly
    this.#reading = reading
    this.#bound = { host: options.host ?? config.server.host, port: options.port ?? config.server.port }
    this.#redact = this.#redactor(assembly)
    this.logs = new Logs(options.home, this.#logOptions())
    this.#transport = new HostTransport(this.#transportOptions())
    this.#probation = new Probation({
      log: this.logs.log,
      settings: config.settings,
      inner: runInner,
      check: ({ endpoints }) => void createEndpointTable(endpoints),
    })
    const endpoints = createControlEndpoints({
      kernel: this.kernel,
      state: () => this.#state(),
      reverted: () => this.#probation.reverted,
      holding: (generation) => this.#server.holding(generation),
      reload: () => this.reload(),
      redact: (text) => this.#redact(text),
    })
    this.#server = new HostServer({
      kernel: this.kernel,
      run: runExchange,
      endpoints,
      log: this.logs.log,
      rules: this.#rules(),
    })
    this.#watcher = new InputWatcher({
      log: this.logs.log,
      // Why a change was not taken is logged where it failed.
      changed: () => this.#change().catch(() => undefined),
    })
  }

  get kernel(): Kernel {
    return this.#probation.kernel
  }

  /** The address to listen on; after {@link listen} with the real port. */
  get bound(): { readonly host: string; readonly port: number } {
    return this.#bound
  }

  /** Opens the logs and builds the first generation. */
  async build(): Promise<void> {
    await this.logs.configure(this.#logOptions())
    const blueprint = await forgiving(this.#assembly.blueprint, this.#assembly.failures)
    await this.#probation.apply(blueprint).catch((thrown: unknown) => {
      // It goes to the terminal, which no log stands before.
      throw withoutSecrets(thrown, this.#redact)
    })
    this.#tell()
  }

  async listen(): Promise<void> {
    const { host, port } = this.#bound
    this.#bound = { host, port: await this.#server.listen(host, port) }
    this.#server.configure(this.#rules())
  }

  /** Takes changes of the files that the config was made from, unless the config says not to. */
  watch(): Promise<void> {
    return this.#follow(this.#reading)
  }

  /** Reads the config again and swaps a new generation in. Rejects, and changes nothing, when that is not possible. */
  reload(): Promise<void> {
    this.#asked = true
    return this.#change()
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true
    this.#watcher.close()
    await this.#server.close(graceMs)
    // Whatever change still waits for exchanges that have ended by now is given up.
    await this.kernel.close()
    await this.#changes
    this.#transport.close()
    await this.logs.close()
  }

  /** How long running exchanges get when the router stops. */
  get drainMs(): number {
    return this.#assembly.config.settings.timeouts.drain
  }

  /** Ends what runs now. */
  abortAll(): void {
    this.#server.abortAll()
  }

  #change(): Promise<void> {
    if (this.#waiting) return this.#waiting
    const change = this.#changes.then(async () => {
      // What waits reads the newest state when its turn comes.
      await this.kernel.room()
      const build = this.#asked ? 'always' : 'when something changed'
      this.#waiting = undefined
      this.#asked = false
      return this.#reload(build)
    })
    this.#changes = change.catch(() => undefined)
    this.#waiting = change
    return change
  }

  async #reload(build: 'always' | 'when something changed'): Promise<void> {
    if (this.#closing) throw new CcrError('CCR_EXCHANGE_SHUTDOWN', 'the router is shutting down')
    const { home, configFile, env } = this.#options
    const reading = await this.#watcher.beginReading()
    let redact = this.#redact
    let changed: boolean
    try {
      const { files: present } = this.#assembly.config
      const assembly = await assemble({ home, file: configFile, env, present, inputs: reading.files })
      // What it names may be secret, and was not before.
      redact = this.#redactor(assembly)
      const [failure] = assembly.failures
      if (failure) throw failure.error
      checkBind(this.#bound.host, assembly.config.server.apiKey?.reveal())
      changed = build === 'always' || assembly.fingerprint !== this.#assembly.fingerprint
      if (changed) await this.#probation.apply(assembly.blueprint)
      this.#assembly = assembly
      this.#reading = reading
      this.#lastError = undefined
    } catch (thrown) {
      const error = withoutSecrets(thrown, (text) => redact(this.#redact(text)))
      this.#lastError = toFault(error, this.#redact)
      this.logs.log.error(
        { ...this.#lastError, generation: this.kernel.current?.id },
        'the change was not taken; the running generation serves on',
      )
      // Whichever file mends it, it is one of these.
      await this.#follow({ ...reading, files: new Set([...reading.files, ...this.#reading.files]) })
      throw error
    }
    this.#redact = this.#redactor(this.#assembly)
    this.#transport.configure(this.#transportOptions())
    this.#server.configure(this.#rules())
    this.#probation.configure(this.#assembly.config.settings)
    await this.logs.configure(this.#logOptions())
    if (changed) this.#tell()
    else this.logs.log.info({ generation: this.kernel.current?.id }, 'nothing changed that matters')
    await this.#follow(reading)
  }

  async #follow(reading: Reading): Promise<void> {
    const { watch, settings } = this.#assembly.config
    const { reloadDebounce: quietMs, reloadPoll: pollMs } = settings.timeouts
    await this.#watcher.follow(watch ? reading.files : [], reading, { quietMs, pollMs })
  }

  #tell(): void {
    const { warnings, disabledProviders } = this.#assembly.config
    for (const warning of warnings) this.logs.log.warn({}, warning)
    for (const { name, reason, at } of disabledProviders)
      this.logs.log.warn({ provider: name, at }, `provider is disabled: ${reason}`)
    for (const { id, error } of this.#assembly.failures)
      this.logs.log.error({ entry: id, ...toFault(error, this.#redact) }, 'an entry was left out')
    for (const { subject, code, message, at } of this.kernel.current?.failures ?? [])
      this.logs.log.error({ subject, code, at }, `left out: ${message}`)
  }

  #state() {
    const { version, instanceId } = this.#options
    const { warnings, disabledProviders } = this.#assembly.config
    return {
      version,
      instanceId,
      inFlight: this.#server.inFlight,
      degraded: [...(this.logs.failing ? ['logs'] : []), ...(this.#watcher.failing ? ['watch'] : [])],
      warnings,
      disabledProviders,
      loadFailures: this.#assembly.failures.map(({ id, error }) => ({ subject: id, ...toFault(error, this.#redact) })),
      lastError: this.#lastError,
    }
  }

  #rules(): ServerRules {
    const { settings, server } = this.#assembly.config
    const runtime: Runtime = {
      transport: this.#transport,
      settings,
      routing: this.logs,
      redact: this.#redact,
      newId: this.#newId,
      now: Date.now,
      freeze: this.#options.env['NODE_ENV'] === 'development',
    }
    return {
      gates: {
        names: createHostNames({ ...this.#bound, allowedHosts: server.allowedHosts }),
        bodyBytes: settings.limits.bodyBytes,
      },
      keys: new Keys({ dataKey: server.apiKey?.reveal(), adminKey: this.#options.adminKey }),
      runtime,
    }
  }

  #redactor({ config }: Assembly): Redact {
    return createRedactor([...config.secrets, this.#options.adminKey])
  }

  #logOptions() {
    const { logEnabled, logLevel } = this.#assembly.config.server
    return { enabled: logEnabled, level: logLevel, redact: this.#redact }
  }

  #transportOptions() {
    const { env } = this.#options
    return { proxyUrl: this.#assembly.config.server.proxyUrl?.reveal(), noProxy: env['NO_PROXY'] ?? env['no_proxy'] }
  }
}
