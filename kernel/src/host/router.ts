import type { Runtime } from '../exchange/ports.ts'
import type { Assembly } from '../config/assemble.ts'
import { assemble } from '../config/assemble.ts'
import { Kernel } from '../core/kernel.ts'
import { runExchange } from '../exchange/exchange.ts'
import { forgiving } from './cold-start.ts'
import { createControlEndpoints, toFault, type Fault } from './control.ts'
import { createHostNames } from './host-names.ts'
import { createIds } from './ids.ts'
import { Keys } from './keys.ts'
import { Logs } from './logs.ts'
import { createRedactor, type Redact } from './redact.ts'
import { HostServer, type ServerRules } from './server.ts'
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
  readonly kernel: Kernel
  readonly logs: Logs
  readonly #options: RouterOptions
  readonly #transport: HostTransport
  readonly #server: HostServer
  readonly #newId = createIds()
  #assembly: Assembly
  #redact: Redact
  #bound: { readonly host: string; readonly port: number }
  #lastError: Fault | undefined
  #changes: Promise<unknown> = Promise.resolve()

  /** @param assembly the config as it was read first */
  constructor(options: RouterOptions, assembly: Assembly) {
    const { config } = assembly
    this.#options = options
    this.#assembly = assembly
    this.#bound = { host: options.host ?? config.server.host, port: options.port ?? config.server.port }
    this.#redact = this.#redactor(assembly)
    this.logs = new Logs(options.home, this.#logOptions())
    this.#transport = new HostTransport(this.#transportOptions())
    this.kernel = new Kernel({
      log: this.logs.log,
      activateMs: config.settings.timeouts.activate,
      drainMs: config.settings.timeouts.totalStream,
    })
    const endpoints = createControlEndpoints({
      kernel: this.kernel,
      state: () => this.#state(),
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
  }

  /** The address to listen on; after {@link listen} with the real port. */
  get bound(): { readonly host: string; readonly port: number } {
    return this.#bound
  }

  /** Opens the logs and builds the first generation. */
  async build(): Promise<void> {
    await this.logs.configure(this.#logOptions())
    await this.kernel.apply(await forgiving(this.#assembly.blueprint, this.#assembly.failures))
    this.#tell()
  }

  async listen(): Promise<void> {
    const { host, port } = this.#bound
    this.#bound = { host, port: await this.#server.listen(host, port) }
    this.#server.configure(this.#rules())
  }

  /** Reads the config again and swaps a new generation in. Rejects, and changes nothing, when that is not possible. */
  reload(): Promise<void> {
    const change = this.#changes.then(() => this.#reload())
    this.#changes = change.catch(() => undefined)
    return change
  }

  async close(graceMs: number): Promise<void> {
    await this.#server.close(graceMs)
    await this.kernel.close()
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

  async #reload(): Promise<void> {
    const { home, configFile, env } = this.#options
    try {
      const assembly = await assemble({ home, file: configFile, env })
      const [failure] = assembly.failures
      if (failure) throw failure.error
      await this.kernel.apply(assembly.blueprint)
      this.#assembly = assembly
      this.#lastError = undefined
    } catch (thrown) {
      this.#lastError = toFault(thrown, this.#redact)
      this.logs.log.error(
        { ...this.#lastError, generation: this.kernel.current?.id },
        'the change was not taken; the running generation serves on',
      )
      throw thrown
    }
    this.#redact = this.#redactor(this.#assembly)
    this.#transport.configure(this.#transportOptions())
    this.#server.configure(this.#rules())
    await this.logs.configure(this.#logOptions())
    this.#tell()
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
      degraded: this.logs.failing ? ['logs'] : [],
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
