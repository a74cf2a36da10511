import type { RoutingLog, Runtime } from '../exchange/ports.ts'
import { CcrError } from '@ccr/sdk'
import { assemble, type Assembly } from '../config/assemble.ts'
import { configFile, draftTexts, readState, staleConfig, writeDraft, type ConfigDraft } from '../config/draft.ts'
import { isChanging } from '../config/journal.ts'
import { InputWatcher, readingAfter, type Reading } from '../config/watch.ts'
import type { Blueprint } from '../core/blueprint.ts'
import type { Kernel } from '../core/kernel.ts'
import { runExchange } from '../exchange/exchange.ts'
import { runInner } from '../exchange/inner.ts'
import { absenceOf } from './absence.ts'
import { announce } from './announcement.ts'
import { ChangeQueue } from './change-queue.ts'
import { createConfigEndpoints } from './admin/config-endpoints.ts'
import { ConfigWarnings } from './config-warnings.ts'
import { createControlEndpoints, type ControlOptions } from './admin/control.ts'
import { toFault, withoutSecrets, type Fault } from './admin/fault.ts'
import { createDevEndpoints } from './admin/dev-endpoints.ts'
import { createReport } from './admin/generation-report.ts'
import { createHostNames } from './http/host-names.ts'
import { createIds } from './ids.ts'
import { checkBind } from './http/listen-failure.ts'
import { Keys } from './http/keys.ts'
import { forChange, forStart, leftOutOf } from './left-out.ts'
import { Logs } from './log/logs.ts'
import { PluginCare, type PluginCareOptions } from './plugin-care.ts'
import { redactorOf, withoutHome, type Redact } from './log/redact.ts'
import { Probation } from '../load/probation.ts'
import { HostServer, type ServerRules } from './http/server.ts'
import { createRouteEndpoints } from './admin/route-endpoints.ts'
import { createEndpointTable } from './http/table.ts'
import { HostTransport } from './upstream/transport.ts'
import { UnmatchedDirectives } from './log/unmatched.ts'

/** What a router is started with. */
export interface RouterOptions extends Pick<PluginCareOptions, 'safe' | 'onSafeModeLeft'> {
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
  readonly plugins: PluginCare
  readonly #options: RouterOptions
  readonly #transport: HostTransport
  readonly #routing: RoutingLog
  readonly #unmatched: UnmatchedDirectives
  readonly #server: HostServer
  readonly #watcher: InputWatcher
  readonly #newId = createIds()
  readonly #warnings: ConfigWarnings
  readonly #changes = new ChangeQueue(
    () => this.kernel.room(),
    (always) => this.#reload(always),
  )
  #assembly: Assembly
  /** How the running config was read. */
  #reading: Reading
  #redact: Redact
  #bound: { readonly host: string; readonly port: number }
  #lastError: Fault | undefined
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
    this.#warnings = new ConfigWarnings(options, assembly)
    this.#bound = { host: options.host ?? config.server.host, port: options.port ?? config.server.port }
    this.#redact = this.#redactor(assembly)
    this.logs = new Logs(options.home, this.#logOptions())
    this.#transport = new HostTransport(this.#transportOptions())
    this.plugins = new PluginCare({
      ...options,
      ...this.#transportOptions(),
      log: this.logs.log,
      kernel: () => this.kernel,
      leftOut: () => leftOutOf(this.#assembly, this.kernel.current),
      // Why a change was not taken is logged where it failed.
      expired: () => void this.reload().catch(() => undefined),
    })
    this.#probation = new Probation({
      log: this.logs.log,
      settings: config.settings,
      inner: runInner,
      failing: (instance, reason, reverted) => this.plugins.dev.failing(instance, reason, reverted),
      facilities: (owner) => this.plugins.facilities(owner),
      check: ({ endpoints }) => void createEndpointTable(endpoints),
    })
    this.#unmatched = new UnmatchedDirectives(this.logs.log, (text) => this.#redact(text))
    this.#routing = this.#unmatched.tee(this.plugins.dev.tee(this.logs))
    const control: ControlOptions = {
      kernel: this.kernel,
      state: () => this.#state(),
      reverted: () => this.#probation.reverted,
      holding: (generation) => this.#server.holding(generation),
      reload: () => this.reload(),
      redact: (text) => this.#redact(text),
    }
    const endpoints = [
      ...createControlEndpoints(control),
      ...createConfigEndpoints({
        file: configFile(options.home, options.configFile),
        change: (version, draft) => this.change(version, draft),
        report: () => createReport(control),
        redact: control.redact,
      }),
      ...createRouteEndpoints({ kernel: this.kernel, runtime: () => this.#runtime(), log: this.logs.log }),
      ...createDevEndpoints({ sessions: this.plugins.dev, reload: control.reload, redact: control.redact }),
    ]
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
      changed: () => this.#changes.readAgain(false).catch(() => undefined),
      busy: () => isChanging(options.home),
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
    const blueprint = await forStart(this.#assembly, this.#options.home)
    await this.#probation.apply(blueprint).catch((thrown: unknown) => {
      // It goes to the terminal, which no log stands before.
      throw withoutSecrets(thrown, this.#redact)
    })
    await this.plugins.begin(this.#assembly)
    this.#server.configure(this.#rules())
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
    return this.#changes.readAgain(true)
  }

  /**
   * Builds a config that is written nowhere yet, swaps the new generation in, and writes it. Rejects, and changes
   * nothing, when that is not possible.
   *
   * @param version of the files that the draft was made from
   */
  change(version: string, draft: ConfigDraft): Promise<void> {
    return this.#changes.next(() => this.#take(version, draft))
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true
    this.plugins.dev.closeAll()
    this.#watcher.close()
    await this.#server.close(graceMs)
    // Whatever change still waits for exchanges that have ended by now is given up.
    await this.kernel.close()
    await this.#changes.settled
    this.#transport.close()
    this.plugins.close()
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

  async #reload(always: boolean): Promise<void> {
    this.#assertOpen()
    const reading = await this.#watcher.beginReading()
    let changed: boolean
    try {
      changed = await this.#use(reading, { always })
    } catch (error) {
      this.#lastError = toFault(error, this.#redact)
      this.logs.log.error(
        { ...this.#lastError, generation: this.kernel.current?.id },
        'the change was not taken; the running generation serves on',
      )
      this.plugins.dev.failed(this.#lastError)
      // Whichever file mends it, it is one of these.
      await this.#follow({ ...reading, files: new Set([...reading.files, ...this.#reading.files]) })
      throw error
    }
    await this.#taken(reading, changed)
  }

  async #take(version: string, draft: ConfigDraft): Promise<void> {
    this.#assertOpen()
    const { home, configFile: file } = this.#options
    const base = await readState(home, file)
    if (base.version !== version) throw staleConfig(base.file)
    const drafts = draftTexts(home, base.file, draft)
    const reading = await this.#watcher.beginReading()
    const changed = await this.#use(reading, { drafts, write: () => writeDraft(home, base, draft) })
    await this.#taken(await readingAfter(reading, drafts), changed)
  }

  /**
   * Makes what is read now the running assembly; tells whether that is another one. Changes nothing when it throws.
   *
   * @param how `always` builds it although it is the same; `drafts` stand for files until `write` has written them
   */
  async #use(
    reading: Reading,
    how: { always?: boolean; drafts?: ReadonlyMap<string, string>; write?: () => Promise<void> },
  ): Promise<boolean> {
    const { always = false, drafts = new Map<string, string>(), write } = how
    let redact = this.#redact
    try {
      const assembly = await this.#assemble(reading, drafts)
      // What it names may be secret, and was not before.
      redact = this.#redactor(assembly)
      const before = this.#changed(this.#assembly)
      const blueprint = this.#changed(assembly)
      const changed = always || assembly.fingerprint !== this.#assembly.fingerprint
      if (changed) await this.#probation.apply(blueprint)
      await write?.().catch(async (fault: unknown) => {
        if (changed) await this.#probation.apply(before)
        throw fault
      })
      this.#assembly = assembly
      return changed
    } catch (thrown) {
      throw withoutSecrets(thrown, (text) => redact(this.#redact(text)))
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw new CcrError('CCR_EXCHANGE_SHUTDOWN', 'the router is shutting down')
  }

  #assemble({ files }: Reading, drafts: ReadonlyMap<string, string>): Promise<Assembly> {
    const { home, configFile: file, env } = this.#options
    const { served, config } = this.#assembly
    const present = config.files
    return assemble({ home, file, env, present, inputs: files, drafts, served, lent: this.plugins.dev.entries })
  }

  /** What a config is to be built as. Throws when it must not replace the running one. */
  #changed(assembly: Assembly): Blueprint {
    const blueprint = forChange(assembly, leftOutOf(this.#assembly, this.kernel.current))
    checkBind(this.#bound.host, assembly.config.server.apiKey)
    return blueprint
  }

  /** The running assembly is another one. */
  async #taken(reading: Reading, changed: boolean): Promise<void> {
    this.#reading = reading
    this.#lastError = undefined
    this.#redact = this.#redactor(this.#assembly)
    await this.plugins.changed(this.#transportOptions())
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
    // What is left out in safe mode is not read, and a change of it is what may end it.
    const left = this.#assembly.leftOut.flatMap(({ file }) => file ?? [])
    const files = watch || this.plugins.dev.entries.length > 0 ? [...reading.files, ...left] : []
    await this.#watcher.follow(files, reading, { quietMs, pollMs })
  }

  #tell(): void {
    const warnings = this.#warnings.of(this.#assembly, this.kernel.current)
    announce(this.logs.log, { ...this.#assembly, warnings }, this.kernel.current, this.#redact)
  }

  #state() {
    const { version, instanceId } = this.#options
    const { brokenPresets, config } = this.#assembly
    const { safeMode } = this.plugins
    const logFault = this.logs.fault
    return {
      version,
      instanceId,
      inFlight: this.#server.inFlight,
      queued: this.#server.queued,
      degraded: [
        ...(logFault === undefined ? [] : ['logs']),
        ...(this.#watcher.failing ? ['watch'] : []),
        ...(safeMode ? ['safe-mode'] : []),
        ...(leftOutOf(this.#assembly, this.kernel.current).size > 0 ? ['plugins'] : []),
      ],
      safeMode,
      unmatched: this.#unmatched.list,
      warnings: [
        ...this.#warnings.of(this.#assembly, this.kernel.current),
        ...(logFault === undefined ? [] : [logFault]),
      ],
      disabledProviders: config.disabledProviders,
      brokenPresets,
      loadFailures: this.#assembly.failures.map(({ id, error }) => ({ subject: id, ...toFault(error, this.#redact) })),
      lastError: this.#lastError,
    }
  }

  #rules(): ServerRules {
    const { settings, server } = this.#assembly.config
    return {
      gates: {
        names: createHostNames({ ...this.#bound, allowedHosts: server.allowedHosts }),
        bodyBytes: settings.limits.bodyBytes,
      },
      closed: this.plugins.closed,
      keys: new Keys({ dataKey: server.apiKey?.reveal(), adminKey: this.#options.adminKey }),
      runtime: this.#runtime(),
    }
  }

  #runtime(): Runtime {
    const { settings, server } = this.#assembly.config
    const { env } = this.#options
    return {
      transport: this.#transport,
      settings,
      routing: this.#routing,
      redact: withoutHome(this.#redact, env['HOME'] ?? ''),
      newId: this.#newId,
      now: Date.now,
      absence: (target) => absenceOf(target, this.#assembly.config, this.kernel.current),
      hidesRoute: !server.routeHeaders,
      freeze: env['NODE_ENV'] === 'development',
    }
  }

  #redactor(assembly: Assembly): Redact {
    return redactorOf(assembly, this.#options)
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
