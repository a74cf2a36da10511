import { CcrError, isCcrError, messageOf, type Dialect, type Endpoint, type ErrorCode } from '@ccr/sdk'
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

/** Builds a candidate to the side; when it fails, whatever it had activated is disposed before the error is thrown. */
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

async function instantiate(entry: Entry, blueprint: Blueprint, options: BuildOptions): Promise<Instance> {
  const { plugin } = entry
  const { reusable, activateMs, log } = options
  const subject = `plugin '${plugin.name}' (entry '${entry.id}')`
  if (plugin.apiVersion !== 1) {
    const fact = `${subject} is written for plugin API ${String(plugin.apiVersion)}, this router provides 1`
    throw fault('CCR_PLUGIN_API', `${fact}; install a version for it`, entry)
  }
  const declared = Object.keys(plugin.config.properties).filter((key) => key in blueprint.sections)
  const sections = Object.fromEntries(declared.map((key) => [key, blueprint.sections[key]]))
  const given = fitted(plugin.options, entry.options ?? {}, subject, entry)
  const config = fitted(plugin.config, sections, `the config that ${subject} reads`, entry)
  const key = JSON.stringify([entry.id, plugin.name, entry.hash, given, config])
  const existing = reusable.find((instance) => instance.key === key && !instance.disposed)
  const instance = existing ?? new Instance(key, entry)
  instance.retain()
  if (existing) return existing
  try {
    await within(activateMs, () => plugin.activate(createContext(instance, given, config, log)))
  } catch (cause) {
    await instance.release(log)
    if (isCcrError(cause) && cause.plugin !== undefined) throw cause
    throw fault('CCR_PLUGIN_ACTIVATE', `${subject} could not be activated: ${messageOf(cause)}`, entry, cause)
  }
  return instance
}

/** A copy with its defaults filled in; every fault is named by its JSON pointer. */
function fitted(schema: Entry['plugin']['options'], value: unknown, subject: string, entry: Entry): unknown {
  const copy = Value.Default(schema, structuredClone(value))
  if (Value.Check(schema, copy)) return copy
  const faults = [...Value.Errors(schema, copy)].map((error) => `${error.instancePath || '/'} ${error.message}`)
  throw fault('CCR_PLUGIN_OPTIONS', `${subject}: ${faults.join('; ')}`, entry)
}

function fault(code: ErrorCode, message: string, { plugin, file }: Entry, cause?: unknown): CcrError {
  return new CcrError(code, message, { plugin: plugin.name, at: isCcrError(cause) ? (cause.at ?? file) : file, cause })
}

function assemble(from: Blueprint, instances: readonly Instance[], failures: BuildFailure[], options: BuildOptions) {
  const { id, log } = options
  const claims = new Claims()
  const dialects = new Map<string, Dialect>()
  const endpoints: Endpoint[] = []
  for (const { entry, ...made } of instances) {
    for (const dialect of made.dialects) {
      claims.make(`dialect '${dialect.name}'`, entry.plugin.name)
      dialects.set(dialect.name, dialect)
    }
    for (const endpoint of made.endpoints) {
      claims.make(`endpoint ${endpoint.method} ${endpoint.path}`, entry.plugin.name)
      endpoints.push(endpoint)
    }
  }
  const providers = new Map<string, GenerationProvider>()
  for (const { owner, value } of contributionsTo(instances, 'providers')) {
    claims.make(`provider '${value.name}'`, owner)
    const { name, models } = value
    const local = { name, models, dialect: 'canonical', local: true, baseUrl: '', secret: undefined }
    providers.set(name, { ...local, contributed: value })
  }
  for (const provider of from.providers) {
    const subject = `provider '${provider.name}'`
    const owner = claims.owner(subject)
    if (owner !== undefined) {
      const message = `plugin '${owner}' contributes a provider of that name; choose another`
      failures.push({ subject, code: 'CCR_PLUGIN_CONFLICT', message })
    } else if (!dialects.get(provider.dialect)?.target) {
      const known = [...dialects.values()].flatMap((dialect) => (dialect.target ? [dialect.name] : []))
      const exist = known.join(', ') || 'none'
      const message = `no plugin speaks the dialect '${provider.dialect}' to providers; there are ${exist}`
      failures.push({ subject, code: 'CCR_PLUGIN_UNKNOWN', message })
    } else providers.set(provider.name, { ...provider, local: false, contributed: undefined })
  }
  const taps = instances.flatMap((instance) => instance.taps.map((tap) => placed(tap, instance.entry)))
  const hooks = createHookTable(taps, log)
  return new Generation({ id, instances, hooks, taps, endpoints, dialects, providers, failures }, log)
}

/** Who registered what; a thing is registered once. */
class Claims {
  readonly #owners = new Map<string, string>()

  make(thing: string, plugin: string): void {
    const owner = this.#owners.get(thing)
    if (owner === undefined) this.#owners.set(thing, plugin)
    else {
      const fact = `plugins '${owner}' and '${plugin}' both register ${thing}`
      throw new CcrError('CCR_PLUGIN_CONFLICT', `${fact}; disable one of them`, { plugin })
    }
  }

  owner(thing: string): string | undefined {
    return this.#owners.get(thing)
  }
}

/** What the reports say of a failed part. */
export function failureOf(subject: string, thrown: unknown): BuildFailure {
  return isCcrError(thrown)
    ? { subject, code: thrown.code, message: thrown.message, at: thrown.at }
    : { subject, code: 'CCR_PLUGIN_ACTIVATE', message: messageOf(thrown) }
}
