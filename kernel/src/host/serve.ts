import { CcrError } from '@ccr/sdk'
import { assemble } from '../config/assemble.ts'
import { beginReading } from '../config/watch.ts'
import type { Log } from '../core/log.ts'
import { codeOf } from '../load/code-of.ts'
import { keepAdminKey, readAdminKey } from './admin/key.ts'
import type { Origin } from './attribution.ts'
import { tuneHeap } from './process/heap.ts'
import { urlOf } from './http/host-names.ts'
import { claimInstance, instanceAt, type Claim, type RunningInstance } from './process/instance.ts'
import { stayPresent } from './process/presence.ts'
import { checkBind, toListenError } from './http/listen-failure.ts'
import { createPrivateDirectory } from '../load/private-files.ts'
import { foreignOwners, narrowPermissions } from './private-files.ts'
import { Router } from './router.ts'
import type { SafeMode } from './safe-mode.ts'

/** How a router is started. */
export interface ServeOptions {
  readonly home: string
  /** Read instead of the config in the home. */
  readonly configFile?: string | undefined
  /** Wins over the config's HOST. */
  readonly host?: string | undefined
  /** Wins over the config's PORT; 0 takes a free one. */
  readonly port?: number | undefined
  readonly env: NodeJS.ProcessEnv
  readonly version: string
  /** Why it starts without third-party plugins, if it does. */
  readonly safe?: SafeMode | undefined
  /** Called when they are back in use. */
  readonly onSafeModeLeft?: (() => void) | undefined
  /** Called when the router begins to answer, before its first answer. */
  readonly onReady?: ((running: Running) => void) | undefined
  /** Called when the home was deleted and made anew, and is this router's again: what else stood in it is gone. */
  readonly onRenewed?: (() => void) | undefined
}

/** A router that runs in this process. */
export interface Running {
  /** Where this machine reaches it. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly instanceId: string
  /** Milliseconds that running exchanges get when it stops, as the config said when it was started. */
  readonly drainMs: number
  readonly log: Log
  /** Takes what nothing caught; gives whether the process may go on. */
  caught(thrown: unknown, origin: Origin): boolean
  /** Takes a warning of Node. */
  warned(warning: Error): void
  /** The plugin whose code calls this, by name and place. */
  onStack(): string | undefined
  /** Reads the config again; rejects when it cannot be used, and the old one serves on. */
  reload(): Promise<void>
  /**
   * Stops: accepts nothing more, gives running exchanges `graceMs` (the drain timer unless told), then ends them with
   * an error. Calling it again shortens the wait, to nothing unless told otherwise.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>
  /** Resolves when the router has stopped. */
  readonly closed: Promise<void>
}

const AS_ROOT =
  'the router runs as root, and so does the code of its plugins, which may do anything; start it as another user'

/**
 * Starts a router.
 *
 * @throws CcrError of the config or a plugin; `CCR_HOST_BIND`, `CCR_HOST_LISTEN`, `CCR_HOST_INSTANCE`
 */
export async function serve(options: ServeOptions): Promise<Running> {
  tuneHeap()
  const { home, configFile } = options
  // A copy, because secrets are taken out of that of the process.
  const env = { ...options.env }
  const reading = beginReading()
  const assembly = await assemble({ home, file: configFile, env, inputs: reading.files, thirdParty: !options.safe })
  const { server } = assembly.config
  checkBind(options.host ?? server.host, server.apiKey)
  await createPrivateDirectory(home)
  const claim = await claimInstance(home)
  let router: Router | undefined
  let leave: (() => Promise<void>) | undefined
  try {
    const uid = process.getuid?.()
    const doubts = [
      ...(uid === 0 ? [AS_ROOT] : []),
      ...(await narrowPermissions(home, ['.', 'run', 'logs'], configFile)),
      ...(await foreignOwners(home, configFile, uid)),
    ]
    const adminKey = await readAdminKey(home)
    router = new Router(
      { ...options, env, configFile, host: options.host, port: options.port, instanceId: claim.instanceId, adminKey },
      assembly,
      reading,
    )
    await router.build()
    for (const line of doubts) router.logs.log.warn({}, line)
    await listen(router)
    const running = toRunning(router, claim, async () => leave?.())
    options.onReady?.(running)
    const instance: RunningInstance = {
      pid: process.pid,
      port: running.port,
      host: running.host,
      url: running.url,
      instanceId: claim.instanceId,
      version: options.version,
      startedAt: new Date().toISOString(),
    }
    await claim.announce(instance)
    leave = stayPresent(claim, async (renewed) => {
      await keepAdminKey(home, adminKey)
      if (!renewed) return
      options.onRenewed?.()
      // The last, because it says that nothing is missing.
      await claim.announce(instance)
    })
    router.logs.log.info({ url: running.url, version: options.version, instance: claim.instanceId }, 'ready')
    await router.watch()
    return running
  } catch (thrown) {
    await leave?.()
    await router?.close(0)
    await claim.release()
    throw thrown
  }
}

async function listen(router: Router): Promise<void> {
  const { host, port } = router.bound
  try {
    await router.listen()
  } catch (thrown) {
    const url = urlOf(host, port)
    const isRouter = codeOf(thrown) === 'EADDRINUSE' && (await instanceAt(url)) !== undefined
    if (isRouter)
      throw new CcrError(
        'CCR_HOST_LISTEN',
        `port ${port} is taken by the router of another home, at ${url}; choose another PORT`,
        { cause: thrown },
      )
    throw toListenError(thrown, host, port)
  }
}

function toRunning(router: Router, claim: Claim, leave: () => Promise<void>): Running {
  const { host, port } = router.bound
  const { containment } = router.plugins
  const url = urlOf(host, port)
  let stopped: () => void
  const closed = new Promise<void>((resolve) => (stopped = resolve))
  let closing: Promise<void> | undefined
  const stop = async (graceMs: number): Promise<void> => {
    router.logs.log.info({ graceMs }, 'stopping')
    try {
      await router.close(graceMs)
    } finally {
      await leave()
      await claim.release()
      stopped()
    }
  }
  return {
    url,
    host,
    port,
    instanceId: claim.instanceId,
    drainMs: router.drainMs,
    log: router.logs.log,
    caught: (thrown, origin) => containment.caught(thrown, origin),
    warned: (warning) => containment.warned(warning),
    onStack: () => containment.onStack(),
    reload: () => router.reload(),
    close: (options) => {
      if (!closing) closing = stop(options?.graceMs ?? router.drainMs)
      else setTimeout(() => router.abortAll(), options?.graceMs ?? 0)
      return closing
    },
    closed,
  }
}
