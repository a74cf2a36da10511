import { CcrError } from '@ccr/sdk'
import { assemble } from '../config/assemble.ts'
import { findRunning } from '../host/instance.ts'
import type { CommandContext } from './context.ts'
import { readGeneration, requestReload } from './generation-report.ts'

/**
 * Makes sure that an installed preset is served by the running router, or would be.
 *
 * @param state whether the router has read the config since the preset is in its place
 * @throws CcrError `CCR_PRESET_INVALID` with the reason why it is not
 */
export async function checkServed(
  context: CommandContext,
  name: string,
  state: 'taken' | 'not taken yet',
): Promise<void> {
  const broken = await brokenPresets(context, state)
  const found = broken.find((one) => one.name === name)
  if (found !== undefined) throw new CcrError('CCR_PRESET_INVALID', found.reason, { at: found.at })
}

interface Broken {
  readonly name: string
  readonly reason: string
  readonly at?: string | undefined
}

async function brokenPresets(
  { home, env }: CommandContext,
  state: 'taken' | 'not taken yet',
): Promise<readonly Broken[]> {
  const running = await findRunning(home)
  if (running === undefined) return (await assemble({ home, env })).brokenPresets
  if (state === 'taken') return (await readGeneration(home, running.url)).brokenPresets
  const result = await requestReload(home, running.url)
  if ('generation' in result) return result.brokenPresets
  throw new CcrError('CCR_PRESET_INVALID', `the router did not take it: ${result.message}`, { at: result.at })
}
