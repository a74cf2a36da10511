import type { LoadedConfig } from '../config/loaded.ts'
import type { KernelConfig } from '../config/schema.ts'
import type { ClientSettings } from './code/claude-environment.ts'
import type { CommandContext } from './context.ts'
import { launchHints } from './code/launch-hints.ts'

type ClientKeys = Pick<KernelConfig, 'NON_INTERACTIVE_MODE' | 'API_TIMEOUT_MS' | 'Providers'>

/**
 * What the config says about the client that `ccr code` starts.
 *
 * @param file the config file to read instead of the one in the home
 * @param preset an installed preset, whose settings of the client go before
 * @param model the model that the client is told to ask for
 * @throws CcrError with the place of the fault when the config or the preset cannot be used
 */
export async function readClientSettings(
  context: CommandContext,
  file: string | undefined,
  preset?: string,
  model?: string,
): Promise<ClientSettings> {
  const loaded = await load(context, file)
  const own = preset === undefined ? {} : await presetConfig(context, loaded, preset)
  const config: KernelConfig = { ...(loaded.value as KernelConfig), ...own }
  return {
    apiKey: config.APIKEY,
    claudePath: config.CLAUDE_PATH,
    apiTimeoutMs: config.API_TIMEOUT_MS === undefined ? undefined : Number(config.API_TIMEOUT_MS),
    nonInteractive: config.NON_INTERACTIVE_MODE === true,
    hints: launchHints(config, model),
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
  // readConfig has checked these keys against the schema that the type is made from.
  return (await load(context, file)).value as KernelConfig
}

async function load(context: CommandContext, file: string | undefined): Promise<LoadedConfig> {
  const { readConfig } = await import('../config/read.ts')
  return readConfig({ home: context.home, file, env: context.env })
}

/** What a preset says of the client; it was checked against the same schema. */
async function presetConfig({ home }: CommandContext, loaded: LoadedConfig, name: string): Promise<ClientKeys> {
  const { manifestFile, readPreset } = await import('../config/presets/installed.ts')
  const { preparePreset } = await import('../config/presets/prepared.ts')
  const { config } = preparePreset(await readPreset(name, manifestFile(home, name), new Set()), loaded)
  const { NON_INTERACTIVE_MODE, API_TIMEOUT_MS, Providers, Router } = config as ClientKeys & { Router?: unknown }
  return {
    ...(Providers !== undefined && { Providers }),
    ...(Router !== undefined && { Router }),
    ...(NON_INTERACTIVE_MODE !== undefined && { NON_INTERACTIVE_MODE }),
    ...(API_TIMEOUT_MS !== undefined && { API_TIMEOUT_MS }),
  }
}
