import { findRunning } from '../../host/process/instance.ts'
import { readAddress, readClientSettings } from '../client-settings.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { readStartRecord } from '../router/start-record.ts'
import { claudeEnvironment } from './claude-environment.ts'
import { setLine, unsetLine, type Shell } from './shells.ts'

/**
 * `ccr activate`: prints how the environment of a shell has to change for Claude Code, and whatever speaks to the same
 * variables, to go through the router. Nothing is started.
 *
 * @param preset name of an installed preset that Claude Code is to be run with
 */
export async function activate(context: CommandContext, preset: string | undefined, shell: Shell): Promise<number> {
  const running = await findRunning(context.home)
  const file = running === undefined ? undefined : readStartRecord(context.home)?.options.config
  const settings = await readClientSettings(context, file, { preset, isRunning: running !== undefined })
  const url = running?.url ?? (await readAddress(context, file))
  if (url === undefined) {
    context.complain('ccr: PORT is 0, so that only a router that runs has an address. Run `ccr start --daemon` before')
    return EXIT.notRunning
  }
  const base = preset === undefined ? url : `${url}/preset/${preset}`
  const { env } = context
  // Only what `ccr code` would start otherwise than the shell does by itself.
  const wanted = claudeEnvironment(env, base, { ...settings, nonInteractive: false })
  for (const name of Object.keys(env)) if (!(name in wanted)) context.print(unsetLine(shell, name))
  for (const [name, value] of Object.entries(wanted))
    if (value !== undefined && value !== env[name]) context.print(setLine(shell, name, value))
  if (running === undefined) context.complain('ccr: no router runs now; `ccr start --daemon` starts one')
  return EXIT.ok
}
