import { Secret } from '@ccr/sdk'
import { createSettings, type Settings } from '@ccr/sdk/kernel'
import type { ProviderBlueprint } from '../core/blueprint.ts'
import type { EntryConfig, EntryFailure } from '../load/entries.ts'
import { completeRoutes } from './bare-routes.ts'
import { missingVariables } from './check.ts'
import { usedBy, type InstalledPlugin } from './installed.ts'
import { namedProviders, type NamedProvider } from './named-providers.ts'
import type { Preset } from './preset.ts'
import { resolveProviders, type ChainedEntry, type DisabledProvider } from './providers.ts'
import type { LoadedConfig } from './loaded.ts'
import { proxyOf } from './proxy.ts'
import type { KernelConfig, LogLevel } from './schema.ts'
import { collectSecrets } from './secrets.ts'
import { misspeltKeys } from './section-keys.ts'
import { checkSections, sectionsOf, unreadKeys } from './sections.ts'
import { startValues, type StartValue } from './start-values.ts'
import { timerWarnings } from './timers.ts'

/** What the HTTP server and its log are given. */
export interface ServerConfig {
  readonly host: string
  /** 0 for a free one. */
  readonly port: number
  readonly apiKey: Secret | undefined
  readonly allowedHosts: readonly string[]
  /** Proxy for upstream requests; secret, because it may hold credentials. */
  readonly proxyUrl: Secret | undefined
  readonly logEnabled: boolean
  readonly logLevel: LogLevel
  /** Answers say where they come from. */
  readonly routeHeaders: boolean
}

/** What one profile of a config is built from. */
export interface ResolvedProfile {
  readonly providers: readonly ProviderBlueprint[]
  readonly entries: readonly EntryConfig[]
  /** Top-level keys that belong to plugins. */
  readonly sections: Readonly<Record<string, unknown>>
  readonly warnings: readonly string[]
  /** The providers that its sections name. */
  readonly namedProviders: readonly NamedProvider[]
  readonly disabledProviders: readonly DisabledProvider[]
  /** The entries that `transformer` of the providers stands for; they come after all others. */
  readonly chained: readonly ChainedEntry[]
}

/** A config, made into what the router is built from. */
export interface ResolvedConfig extends ResolvedProfile {
  readonly settings: Settings
  readonly server: ServerConfig
  /** What of it only a start takes. */
  readonly startValues: readonly StartValue[]
  /** Changes of the files are taken without being asked to. */
  readonly watch: boolean
  /** Values that must not leave the router, for the redactor. */
  readonly secrets: readonly string[]
  /** The config files that were read. */
  readonly files: readonly string[]
}

/** What a config is resolved with. */
export interface Surroundings {
  readonly preset: Preset
  readonly installed: readonly InstalledPlugin[]
  readonly entries: readonly EntryConfig[]
  /** Files of transformers that could not be loaded. */
  readonly unread?: readonly EntryFailure[] | undefined
}

/**
 * Resolves a config. It is pure: the same input gives the same result.
 *
 * @throws CcrError `CCR_CONFIG_SCHEMA`; a faulty provider is left out instead
 */
export function resolveConfig(loaded: LoadedConfig, surroundings: Surroundings): ResolvedConfig {
  // Its schema was checked when the file was read.
  const config = loaded.value as KernelConfig
  const profile = resolveProfile(loaded, surroundings)
  const settings = createSettings({
    ...(config.timeouts !== undefined && { timeouts: config.timeouts }),
    ...(config.limits !== undefined && { limits: config.limits }),
  })
  const server = serverConfig(config)
  return {
    ...profile,
    settings,
    server,
    startValues: startValues(loaded, server, settings),
    watch: config.watch ?? true,
    secrets: collectSecrets(loaded.value, loaded.variables),
    warnings: [
      ...timerWarnings(loaded.value).map(({ pointer, fact }) => `${loaded.at(pointer)}: ${pointer} ${fact}.`),
      ...unsetVariables(loaded),
      ...profile.warnings,
    ],
    files: loaded.files,
  }
}

/**
 * Resolves what a profile may say for itself.
 *
 * @throws CcrError `CCR_CONFIG_SCHEMA`; a faulty provider is left out instead
 */
export function resolveProfile(given: LoadedConfig, surroundings: Surroundings): ResolvedProfile {
  const { preset, installed, entries, unread } = surroundings
  const inUse = installed.filter(usedBy(entries))
  const { providers, disabled, chained } = resolveProviders(given, installed, inUse, preset.dialect, unread)
  const used = [...entries, ...chained.map(({ entry }) => entry)]
  const readers = installed.filter(usedBy(used))
  const declared = readers.map(({ sections }) => sections)
  const { loaded, warnings: completed } = completeRoutes(given, declared)
  const sections = sectionsOf(loaded, declared)
  checkSections(loaded, sections, readers)
  const warnings = [...completed, ...unreadKeys(loaded, installed, used), ...misspeltKeys(loaded, declared)]
  return {
    providers,
    entries,
    sections,
    warnings,
    namedProviders: namedProviders(loaded, declared),
    disabledProviders: disabled,
    chained,
  }
}

function serverConfig(config: KernelConfig): ServerConfig {
  const proxy = proxyOf(config)
  return {
    host: config.HOST ?? '127.0.0.1',
    port: config.PORT ?? 3456,
    apiKey: config.APIKEY === undefined || config.APIKEY === '' ? undefined : new Secret(config.APIKEY),
    allowedHosts: config.ALLOWED_HOSTS ?? [],
    proxyUrl: proxy === undefined ? undefined : new Secret(proxy),
    logEnabled: config.LOG ?? true,
    logLevel: config.LOG_LEVEL ?? 'info',
    routeHeaders: config.routeHeaders ?? true,
  }
}

/** Placeholders that stayed as they were, outside providers, which report their own. */
function unsetVariables(loaded: LoadedConfig): readonly string[] {
  const unset = loaded.variables.filter(({ pointer, value }) => value === undefined && !/^\/providers\//i.test(pointer))
  return [...new Set(unset.map(({ pointer }) => pointer))].map((pointer) => {
    const names = missingVariables(loaded, pointer).join(', ')
    const place = `${loaded.at(pointer)}: ${pointer}`
    return `${place} names ${names}, which is not set, and stays as written. A literal dollar is written $$.`
  })
}
