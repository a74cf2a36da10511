import { dirname, sep } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { assemble } from '../../config/assemble.ts'
import { manifestFile } from '../../config/presets/installed.ts'
import { findRunning } from '../../host/process/instance.ts'
import type { CommandContext } from '../context.ts'
import { readGeneration, requestReload, type GenerationReport } from '../generation-report.ts'

type Shortcomings = Pick<GenerationReport, 'brokenPresets' | 'disabledProviders'>

/**
 * Makes sure that an installed preset is served by the running router, or would be.
 *
 * @param state whether the router has read the config since the preset is in its place
 * @returns its providers that are left out all the same
 * @throws CcrError `CCR_PRESET_INVALID` with the reason why it is not
 */
export async function checkServed(
  context: CommandContext,
  name: string,
  state: 'taken' | 'not taken yet',
): Promise<GenerationReport['disabledProviders']> {
  const { brokenPresets, disabledProviders } = await shortcomings(context, state)
  const found = brokenPresets.find((one) => one.name === name)
  if (found !== undefined) throw new CcrError('CCR_PRESET_INVALID', found.reason, { at: found.at })
  const folder = dirname(manifestFile(context.home, name)) + sep
  return disabledProviders.filter(({ at }) => at?.startsWith(folder))
}

async function shortcomings({ home, env }: CommandContext, state: 'taken' | 'not taken yet'): Promise<Shortcomings> {
  const running = await findRunning(home)
  if (running === undefined) {
    const { brokenPresets, config } = await assemble({ home, env })
    return { brokenPresets, disabledProviders: config.disabledProviders }
  }
  if (state === 'taken') return readGeneration(home, running.url)
  const result = await requestReload(home, running.url)
  if ('generation' in result) return result
  throw new CcrError('CCR_PRESET_INVALID', `the router did not take it: ${result.message}`, { at: result.at })
}
