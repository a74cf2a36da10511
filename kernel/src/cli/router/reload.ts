import { findRunning } from '../../host/process/instance.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { withPlace } from '../failure.ts'
import { requestReload } from '../generation-report.ts'
import { complainOf } from '../shortcomings.ts'

/** `ccr reload`: a new generation from the config as it is now, or the fault that kept the old one. */
export async function reload(context: CommandContext): Promise<number> {
  const running = await findRunning(context.home)
  if (running === undefined) {
    context.complain('ccr: the router is not running, so there is nothing to reload. `ccr start` starts it')
    return EXIT.failed
  }
  const result = await requestReload(context.home, running.url)
  if ('generation' in result) {
    context.print(`ccr reloaded: generation ${result.generation} is live`)
    complainOf(context, result)
    return EXIT.ok
  }
  for (const line of withPlace(`ccr: ${result.message}`, result.at)) context.complain(line)
  return EXIT.failed
}
