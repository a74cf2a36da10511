import { CcrError, isCcrError, messageOf, type Dialect, type Endpoint } from '@ccr/sdk'
import Value from 'typebox/value'
import type { Blueprint, Entry } from './blueprint.ts'
import { createContext, placed } from './context.ts'
import { contributionsTo, Generation, type BuildFailure, type GenerationProvider } from './generation.ts'
import { createHookTable } from './hooks.ts'
import { Instance, within } from './instance.ts'
import type { Log } from './log.ts'

/** What building needs beside the blueprint. */
export interface BuildOptions {
  readonly id: number
  /** Instances that may be reused when their key is unchanged. */
  readonly reusable: readonly Instance[]
  /** Leave out optional entries that fail, and report them, instead of failing as a whole. */
  readonly lenient: boolean
  readonly activateMs: number
  readonly log: Log
}

/** A candidate that could not be built; whatever it had activated is already disposed. */
export async function buildGeneration(blueprint: Blueprint, options: BuildOptions): Promise<Generation> {
  const instances: Instance[] = []
  const failures: BuildFailure[] = []
  try {
    for (const entry of blueprint.entries) {
      const instance = await instantiate(entry, blueprint, options).catch((thrown: unknown) => {
        if (!options.lenient || entry.optional !== true) throw thrown
        failures.push(failureOf(entry.id, thrown))
        return undefined
      })
      if (instance) instances.push(instance)
    }
    return assemble(blueprint, instances, failures, options)
  } catch (thrown) {
    await Promise.all(instances.map((instance) => instance.release(options.log)))
    throw thrown
  }
}

async function instantiate(
  entry: Entry,
  blueprint: Blueprint,
  { reusable, activateMs, log }: BuildOptions,
): Promise<Instance> {
  const { plugin } = entry
  if (plugin.apiVersion !== 1) {
    throw new CcrError(
      'CCR_PLUGIN_API',
      `plugin '${plugin.name}' is written for plugin API ${String(plugin.apiVersion)}, this router provides 1; install a version for it`,
      {
        plugin: plugin.name,
        at: entry.file,
      },
    )
  }
  const options = fitted(plugin.options, entry.options ?? {}, `plugin '${plugin.name}' (entry '${entry.id}')`, entry)
  const sections = Object.fromEntries(
    Object.keys(plugin.config.properties).flatMap((key) =>
      key in blueprint.sections ? [[key, blueprint.sections[key]]] : [],
    ),
  )
  const config = fitted(plugin.config, sections, `the config that plugin '${plugin.name}' reads`, entry)
  const key = JSON.stringify([entry.id, plugin.name, entry.hash, options, config])
  const existing = reusable.find((instance) => instance.key === key && !instance.disposed)
  const instance = existing ?? new Instance(key, entry)
  instance.retain()
  if (existing) return existing
  try {
    await within(activateMs, () => plugin.activate(createContext(instance, options, config, log)))
  } catch (cause) {
    await instance.release(log)
    if (isCcrError(cause) && cause.plugin !== undefined) throw cause
    throw new CcrError(
      'CCR_PLUGIN_ACTIVATE',
      `plugin '${plugin.name}' (entry '${entry.id}') could not be activated: ${messageOf(cause)}`,
      {
        plugin: plugin.name,
        at: isCcrError(cause) ? cause.at : entry.file,
        cause,
      },
    )
  }
  return instance
}

/** A copy with its defaults filled in; every fault is named by its JSON pointer. */
function fitted(schema: Entry['plugin']['options'], value: unknown, subject: string, entry: Entry): unknown {
  const copy = Value.Default(schema, structuredClone(value))
  if (Value.Check(schema, copy)) return copy
  const faults = [...Value.Errors(schema, copy)].map((error) => `${error.instancePath || '/'} ${error.message}`)
  throw new CcrError('CCR_PLUGIN_OPTIONS', `${subject}: ${faults.join('; ')}`, {
    plugin: entry.plugin.name,
    at: entry.file,
  })
}

function assemble(
  blueprint: Blueprint,
  instances: readonly Instance[],
  failures: BuildFailure[],
  { id, log }: BuildOptions,
): Generation {
  const dialects = new Map<string, Dialect>()
  const owners = new Map<string, string>()
  const endpoints: Endpoint[] = []
  const claim = (thing: string, plugin: string): void => {
    const owner = owners.get(thing)
    if (owner !== undefined)
      throw new CcrError(
        'CCR_PLUGIN_CONFLICT',
        `plugins '${owner}' and '${plugin}' both register ${thing}; disable one of them`,
        { plugin },
      )
    owners.set(thing, plugin)
  }
  for (const { entry, ...instance } of instances.map((one) => ({
    entry: one.entry,
    dialects: one.dialects,
    endpoints: one.endpoints,
  }))) {
    for (const dialect of instance.dialects) {
      claim(`dialect '${dialect.name}'`, entry.plugin.name)
      dialects.set(dialect.name, dialect)
    }
    for (const endpoint of instance.endpoints) {
      claim(`endpoint ${endpoint.method} ${endpoint.path}`, entry.plugin.name)
      endpoints.push(endpoint)
    }
  }
  const providers = new Map<string, GenerationProvider>()
  for (const { owner, value } of contributionsTo(instances, 'providers')) {
    claim(`provider '${value.name}'`, owner)
    providers.set(value.name, {
      name: value.name,
      models: value.models,
      dialect: 'canonical',
      local: true,
      baseUrl: '',
      secret: undefined,
      contributed: value,
    })
  }
  for (const provider of blueprint.providers) {
    if (owners.has(`provider '${provider.name}'`)) {
      failures.push({
        subject: `provider '${provider.name}'`,
        code: 'CCR_PLUGIN_CONFLICT',
        message: `plugin '${owners.get(`provider '${provider.name}'`)}' contributes a provider of that name; choose another`,
      })
    } else if (!dialects.get(provider.dialect)?.target) {
      const known = [...dialects.values()].flatMap((dialect) => (dialect.target ? [dialect.name] : []))
      failures.push({
        subject: `provider '${provider.name}'`,
        code: 'CCR_PLUGIN_UNKNOWN',
        message: `no plugin speaks the dialect '${provider.dialect}' to providers; there are ${known.join(', ') || 'none'}`,
      })
    } else providers.set(provider.name, { ...provider, local: false, contributed: undefined })
  }
  const taps = instances.flatMap((instance) => instance.taps.map((tap) => placed(tap, instance.entry)))
  return new Generation(
    { id, instances, hooks: createHookTable(taps, log), taps, endpoints, dialects, providers, failures },
    log,
  )
}

/** What the reports say of a failed part. */
export function failureOf(subject: string, thrown: unknown): BuildFailure {
  return isCcrError(thrown)
    ? { subject, code: thrown.code, message: thrown.message, at: thrown.at }
    : { subject, code: 'CCR_PLUGIN_ACTIVATE', message: messageOf(thrown) }
}
