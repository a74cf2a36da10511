import { CcrError } from '@ccr/sdk'
import type { CommandContext } from '../context.ts'
import { presetInstall, type InstallOptions } from './install.ts'

/**
 * `ccr install <name>`: a preset by its name, never by a path or a URL.
 *
 * @param reserved words that are commands
 */
export async function install(
  context: CommandContext,
  name: string,
  options: InstallOptions,
  reserved: readonly string[],
): Promise<number> {
  if (/[\\/:]|^\.|\.(?:json5?|t?gz|zip)$/i.test(name)) {
    const remedy = 'For a path or a URL use `ccr preset install`.'
    throw new CcrError('CCR_PRESET_NAME', `\`ccr install\` takes the name of a preset. ${remedy}`)
  }
  return presetInstall(context, name, { ...options, fresh: true }, reserved)
}
