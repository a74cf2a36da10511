import { resolve } from 'node:path'
import { findRunning } from '../../host/process/instance.ts'
import type { RunningInstance } from '../../host/process/instance.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { startInBackground } from './start.ts'
import { readStartRecord } from './start-record.ts'
import type { StartOptions } from './start-record.ts'
import { stopRouter } from './stop.ts'

/** `ccr restart`: stops the router and starts it in the background with its own arguments; those given here win. */
export async function restart(context: CommandContext, given: StartOptions): Promise<number> {
  const running = await findRunning(context.home)
  const options = {
    ...optionsOf(context.home, running),
    ...given,
    ...(given.config !== undefined && { config: resolve(given.config) }),
  }
  if (running !== undefined) await assertUsable(context, options)
  const outcome = await stopRouter(context)
  if (outcome.state === 'stuck') {
    context.complain(`ccr: ${outcome.what} did not end, so no other was started`)
    return EXIT.failed
  }
  return startInBackground(context, options)
}

/** The last start of this home, unless another router than the recorded one runs by now. */
function optionsOf(home: string, running: RunningInstance | undefined): StartOptions {
  const record = readStartRecord(home)
  return record !== undefined && (running === undefined || running.instanceId === record.instanceId)
    ? record.options
    : {}
}

/** What no router would start with must not end the one that runs. */
async function assertUsable(context: CommandContext, options: StartOptions): Promise<void> {
  const [{ assemble }, { forStart }, { checkBind }] = await Promise.all([
    import('../../config/assemble.ts'),
    import('../../host/left-out.ts'),
    import('../../host/http/listen-failure.ts'),
  ])
  const { home, env } = context
  const assembly = await assemble({ home, file: options.config, env })
  const { server } = assembly.config
  checkBind(options.host ?? server.host, server.apiKey)
  await forStart(assembly, home)
}
