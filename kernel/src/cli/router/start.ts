import { writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { RunningInstance } from '../../host/process/instance.ts'
import type { Running } from '../../host/serve.ts'
import { codeOf } from '../../load/code-of.ts'
import { identify, type ProcessIdentity } from '../../load/process-identity.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { nextSteps } from './next-steps.ts'
import { poll } from '../poll.ts'
import { complainOfShortcomings } from '../shortcomings.ts'
import { readStartRecord, writeStartRecord } from './start-record.ts'
import type { StartOptions } from './start-record.ts'
import { blockedAfterMs, safeModeIn, suspectLine, SupervisorLink } from './supervision.ts'

/** Options of `ccr start`. */
export interface StartCommandOptions extends StartOptions {
  readonly daemon?: boolean | undefined
}

/** How long a process after a fault that nobody caught tries to end its exchanges in order. */
const FAULT_CLOSE_MS = 500

/** `ccr start`: runs the router here until it is stopped, or in the background. One router per home. */
export async function start(context: CommandContext, given: StartCommandOptions): Promise<number> {
  const { findRunning } = await import('../../host/process/instance.ts')
  const { daemon, ...rest } = given
  const options: StartOptions = rest.config === undefined ? rest : { ...rest, config: resolve(rest.config) }
  const link = new SupervisorLink()
  const running = await findRunning(context.home)
  if (running !== undefined) announceRunning(context, running, options)
  else if (daemon) return startInBackground(context, options)
  else await startHere(context, options, link)
  // Without this word the end of a supervised router is a crash, whatever its exit code.
  link.tell({ type: 'ending' })
  return EXIT.ok
}

/** `ccr start --daemon`, when nothing runs yet. */
export async function startInBackground(context: CommandContext, options: StartOptions): Promise<number> {
  const { startDaemon } = await import('./daemon.ts')
  const started = await startDaemon(context, options)
  if ('running' in started) {
    announceReady(context, started.running.url)
    await complainOfShortcomings(context, started.running.url)
    return EXIT.ok
  }
  context.complain(started.stderr.trimEnd())
  return started.exitCode
}

async function startHere(context: CommandContext, options: StartOptions, link: SupervisorLink): Promise<void> {
  const [{ serve }, { installSignals }, { watchStart }] = await Promise.all([
    import('../../host/serve.ts'),
    import('../../host/process/signals.ts'),
    import('../../load/start-watch.ts'),
  ])
  const supervisor = supervisorOf(context.env)
  let router: Running
  const remember = ({ instanceId, drainMs }: Running): void =>
    writeStartRecord(context.home, { instanceId, options, drainMs, supervisor })
  const endWatch = watchStart()
  try {
    router = await serve({
      home: context.home,
      configFile: options.config,
      host: options.host,
      port: options.port,
      env: context.env,
      version: context.version,
      safe: safeModeIn(context.env),
      onSafeModeLeft: () => link.tell({ type: 'safe-mode-left' }),
      // The first request may be the one that makes a plugin end the process.
      onReady: (running) => void process.once('exit', () => nameWhoEnds(running)),
      onRenewed: () => remember(router),
    })
  } catch (error) {
    const winner = await winnerOf(context.home, error)
    if (winner === undefined) throw error
    announceRunning(context, winner, options)
    return
  } finally {
    endWatch()
  }
  installSignals(router, process, supervisor && (() => endAfterFault(context, router, link)))
  remember(router)
  announceReady(context, router.url)
  link.start(blockedAfterMs(context.env))
  await complainOfShortcomings(context, router.url)
  await router.closed
}

/** What is left of a process in an unknown state ends soon, and its supervisor starts another. */
function endAfterFault(context: CommandContext, router: Running, link: SupervisorLink): void {
  link.fail()
  context.complain('ccr: an error that nothing caught ended the router; its log says which')
  const end = (): never => process.exit(EXIT.fault)
  setTimeout(end, FAULT_CLOSE_MS).unref()
  void router.close({ graceMs: 0 }).then(end, end)
}

/** A plugin that ends the process is on the stack while it does. */
function nameWhoEnds(router: Running): void {
  const who = router.onStack()
  if (who !== undefined) writeSync(process.stderr.fd, suspectLine(`${who} ended the process`))
}

/** Of two routers that start at once one loses the home or the port; the other may need a moment until it answers. */
async function winnerOf(home: string, error: unknown): Promise<RunningInstance | undefined> {
  const code = codeOf(error)
  if (code !== 'CCR_HOST_INSTANCE' && code !== 'CCR_HOST_LISTEN') return undefined
  const { findRunning } = await import('../../host/process/instance.ts')
  return poll(() => findRunning(home), { deadlineMs: code === 'CCR_HOST_INSTANCE' ? 10_000 : 500 })
}

function announceReady(context: CommandContext, url: string): void {
  context.print(`ccr ${context.version} is ready at ${url}`)
  for (const line of nextSteps(context.env, url)) context.print(line)
}

function announceRunning(context: CommandContext, running: RunningInstance, options: StartOptions): void {
  const { url } = running
  context.print(`ccr ${running.version} is already running at ${url} (pid ${running.pid})`)
  const differs =
    (options.port !== undefined && options.port !== 0 && options.port !== running.port) ||
    (options.host !== undefined && options.host !== running.host)
  const remedy = '`ccr restart` with these options'
  if (differs) context.complain(`ccr: the running router keeps its address; ${remedy} moves it`)
  const config = readStartRecord(context.home)?.options.config ?? join(context.home, 'config.json')
  if (options.config !== undefined && options.config !== config)
    context.complain(`ccr: the running router keeps its config; ${remedy} gives it another`)
  for (const line of nextSteps(context.env, url)) context.print(line)
}

/** The supervisor that runs this process, as it says in the environment that it gave. */
function supervisorOf(env: NodeJS.ProcessEnv): ProcessIdentity | undefined {
  // Anybody else's name there was inherited from further up.
  return env['CCR_SUPERVISOR'] === String(process.ppid) ? identify(process.ppid) : undefined
}
