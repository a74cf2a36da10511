import { resolve } from 'node:path'
import type { RunningInstance } from '../host/instance.ts'
import { readDrainMs } from './client-settings.ts'
import type { CommandContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { nextSteps } from './next-steps.ts'
import { poll } from './poll.ts'
import { identify } from './process-identity.ts'
import type { ProcessIdentity } from './process-identity.ts'
import { writeStartRecord } from './start-record.ts'
import type { StartOptions } from './start-record.ts'

/** Options of `ccr start`. */
export interface StartCommandOptions extends StartOptions {
  readonly daemon?: boolean | undefined
}

/** `ccr start`: runs the router here until it is stopped, or in the background. One router per home. */
export async function start(context: CommandContext, given: StartCommandOptions): Promise<number> {
  const { findRunning } = await import('../host/instance.ts')
  const { daemon, ...rest } = given
  const options: StartOptions = rest.config === undefined ? rest : { ...rest, config: resolve(rest.config) }
  const running = await findRunning(context.home)
  if (running !== undefined) return announceRunning(context, running, options)
  return daemon ? startInBackground(context, options) : startHere(context, options)
}

/** `ccr start --daemon`, when nothing runs yet. */
export async function startInBackground(context: CommandContext, options: StartOptions): Promise<number> {
  const { startDaemon } = await import('./daemon.ts')
  const started = await startDaemon(context, options)
  if ('running' in started) {
    announceReady(context, started.running.url)
    return EXIT.ok
  }
  context.complain(started.stderr.trimEnd())
  return started.exitCode
}

async function startHere(context: CommandContext, options: StartOptions): Promise<number> {
  const [{ serve }, { installSignals }] = await Promise.all([import('../host/serve.ts'), import('../host/signals.ts')])
  const drainMs = await readDrainMs(context, options.config)
  let router: Awaited<ReturnType<typeof serve>>
  try {
    router = await serve({
      home: context.home,
      configFile: options.config,
      host: options.host,
      port: options.port,
      env: context.env,
      version: context.version,
    })
  } catch (error) {
    const winner = await winnerOf(context.home, error)
    if (winner !== undefined) return announceRunning(context, winner, options)
    throw error
  }
  installSignals(router)
  writeStartRecord(context.home, {
    instanceId: router.instanceId,
    options,
    drainMs,
    supervisor: supervisorOf(context.env),
  })
  announceReady(context, router.url)
  await router.closed
  return EXIT.ok
}

/** Of two routers that start at once one loses the home or the port; the other may need a moment until it answers. */
async function winnerOf(home: string, error: unknown): Promise<RunningInstance | undefined> {
  const code = (Object(error) as { readonly code?: unknown }).code
  if (code !== 'CCR_HOST_INSTANCE' && code !== 'CCR_HOST_LISTEN') return undefined
  const { findRunning } = await import('../host/instance.ts')
  return poll(() => findRunning(home), { deadlineMs: code === 'CCR_HOST_INSTANCE' ? 10_000 : 500 })
}

function announceReady(context: CommandContext, url: string): void {
  context.print(`ccr ${context.version} is ready at ${url}`)
  for (const line of nextSteps(context.env, url)) context.print(line)
}

function announceRunning(context: CommandContext, running: RunningInstance, options: StartOptions): number {
  const { url } = running
  context.print(`ccr ${running.version} is already running at ${url} (pid ${running.pid})`)
  const differs =
    (options.port !== undefined && options.port !== 0 && options.port !== running.port) ||
    (options.host !== undefined && options.host !== running.host)
  if (differs) context.complain('ccr: the running router keeps its address; `ccr restart` with these options moves it')
  for (const line of nextSteps(context.env, url)) context.print(line)
  return EXIT.ok
}

/** The supervisor that runs this process, as it says in the environment that it gave. */
function supervisorOf(env: NodeJS.ProcessEnv): ProcessIdentity | undefined {
  // Anybody else's name there was inherited from further up.
  return env['CCR_SUPERVISOR'] === String(process.ppid) ? identify(process.ppid) : undefined
}
