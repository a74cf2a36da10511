import type { KernelConfig } from '../config/schema.ts'
import type { ClientSettings } from './claude-environment.ts'
import type { CommandContext } from './context.ts'

/**
 * What the config says about the client that `ccr code` starts.
 *
 * @param file the config file to read instead of the one in the home
 * @throws CcrError with the place of the fault when the config cannot be used
 */
export async function readClientSettings(context: CommandContext, file: string | undefined): Promise<ClientSettings> {
  const config = await readKernelConfig(context, file)
  return {
    apiKey: config.APIKEY,
    claudePath: config.CLAUDE_PATH,
    apiTimeoutMs: config.API_TIMEOUT_MS === undefined ? undefined : Number(config.API_TIMEOUT_MS),
    nonInteractive: config.NON_INTERACTIVE_MODE === true,
  }
}

/** Milliseconds that running exchanges get to end; nothing when the config cannot be used. */
export async function readDrainMs(context: CommandContext, file: string | undefined): Promise<number | undefined> {
  const { createSettings } = await import('@ccr/sdk/kernel')
  try {
    return createSettings({ timeouts: (await readKernelConfig(context, file)).timeouts ?? {} }).timeouts.drain
  } catch {
    return undefined
  }
}

async function readKernelConfig(context: CommandContext, file: string | undefined): Promise<KernelConfig> {
  const { readConfig } = await import('../config/read.ts')
  // readConfig has checked these keys against the schema that the type is made from.
  return (await readConfig({ home: context.home, file, env: context.env })).value as KernelConfig
}
