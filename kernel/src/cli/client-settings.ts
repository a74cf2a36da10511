import type { LoadedConfig } from '../config/loaded.ts'
import type { KernelConfig } from '../config/schema.ts'
import type { ClientSettings } from './code/claude-environment.ts'
import type { CommandContext } from './context.ts'
import { launchHints } from './code/launch-hints.ts'

type ClientKeys = Pick<KernelConfig, 'NON_INTERACTIVE_MODE' | 'API_TIMEOUT_MS' | 'Providers'>

/** What client is started, and for which router. */
export interface ClientStart {
  /** An installed preset, whose settings of the client go before. */
  readonly preset?: string | undefined
  /** The model that the client is told to ask for. */
  readonly model?: string | undefined
  /** A router runs, which knows whether it can use the preset: it may have variables that are not set here. */
  readonly isRunning?: boolean | undefined
}

/**
 * What the config says about the client that `ccr code` starts.
 *
 * @param file the config file to read instead of the one in the home
 * @throws CcrError with the place of the fault when the config cannot be used, or the preset in a router to be started
 */
export async function readClientSettings(
  context: CommandContext,
  file: string | undefined,
  { preset, model, isRunning = false }: ClientStart = {},
): Promise<ClientSettings> {
  const loaded = await load(context, file)
  const own = preset === undefined ? {} : await presetConfig(context, loaded, preset, isRunning)
  const config: KernelConfig = { ...(loaded.value as KernelConfig), ...own }
  return {
    apiKey: config.APIKEY,
    claudePath: config.CLAUDE_PATH,
    apiTimeoutMs: config.API_TIMEOUT_MS,
    nonInteractive: config.NON_INTERACTIVE_MODE === true,
    hints: launchHints(config, model),
  }
}

/** The address that a router would have which is started with this config; nothing where only its start tells. */
export async function readAddress(context: CommandContext, file: string | undefined): Promise<string | undefined> {
  const { urlOf } = await import('../host/http/host-names.ts')
  const { HOST = '127.0.0.1', PORT = 3456 } = await readKernelConfig(context, file)
  return PORT === 0 ? undefined : urlOf(HOST, PORT)
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

/** What a preset says of the client, as far as it fits the schema of the config. */
async function presetConfig(
  { home }: CommandContext,
  loaded: LoadedConfig,
  name: string,
  isRunning: boolean,
): Promise<ClientKeys> {
  const { manifestFile, readPreset } = await import('../config/presets/installed.ts')
  const { fillPreset, preparePreset } = await import('../config/presets/prepared.ts')
  const preset = await readPreset(name, manifestFile(home, name), new Set())
  const { findFault } = await import('../config/fault.ts')
  const { KernelConfig } = await import('../config/schema.ts')
  const config = isRunning ? fillPreset(preset, loaded) : preparePreset(preset, loaded).config
  const keys = ['NON_INTERACTIVE_MODE', 'API_TIMEOUT_MS', 'Providers', 'Router']
  const isUsable = ([key, value]: [string, unknown]): boolean =>
    keys.includes(key) && findFault(KernelConfig, { [key]: value }) === undefined
  return Object.fromEntries(Object.entries(config).filter(isUsable))
}
