import { CcrError, type Dialect, type Endpoint, type ErrorCode, type Facilities, isCcrError, messageOf } from '@ccr/sdk'
import { fitted, placeOf, type Settings, within } from '@ccr/sdk/kernel'
import type { Blueprint, Entry, ProfileBlueprint, ProviderBlueprint } from './blueprint.ts'
import { createContext, placed, type RunInner } from './context.ts'
import { contributionsTo, DEFAULT_PROFILE, Generation, type BuildFailure } from './generation.ts'
import { Health, type Quarantine } from './health.ts'
import { Instance, ownerOf } from './instance.ts'
import type { Log } from './log.ts'
import { Profile, type GenerationProvider } from './profile.ts'
import { conflict, inDependencyOrder, Services } from './services.ts'
import type { StateStore } from './state.ts'

/** What building needs beside the blueprint. */
export interface BuildOptions {
  readonly id: number
  /** Instances that may be reused when their key is unchanged. */
  readonly reusable: readonly Instance[]
  /** Nothing runs yet that a faulty plugin could be exchanged for. */
  readonly lenient: boolean
  /** As they are whenever it is called. */
  readonly settings: () => Settings
  /** Throws when the host cannot use what an instance registered. */
  readonly check?: ((instance: Instance) => void) | undefined
  readonly onQuarantine: (instance: Instance, reason: Quarantine) => void
  readonly states: StateStore
  readonly inner: RunInner
  /** What the plugin of an entry, named as among those of all profiles, could use if it declared all of it. */
  readonly facilities: (owner: string) => Facilities
  readonly log: Log
}

/** So many calls of a changed plugin, when all of them failed, are enough to take it out. */
const FIRST_CALLS = 3

/** An entry of the generation to be, with its instance. */
interface Used {
  readonly entry: Entry
  readonly instance: Instance
}

/** Builds a candidate to the side; when it fails, whatever it had activated is disposed before the error is thrown. */
export function buildGeneration(blueprint: Blueprint, options: BuildOptions): Promise<Generation> {
  return new Build(blueprint, options).run()
}

class Build {
  readonly #blueprint: Blueprint
  readonly #options: BuildOptions
  readonly #instances: Instance[] = []
  readonly #failures: BuildFailure[] = []

  constructor(blueprint: Blueprint, options: BuildOptions) {
    this.#blueprint = blueprint
    this.#options = options
  }

  async run(): Promise<Generation> {
    const { id, log } = this.#options
    const { profiles = {} } = this.#blueprint
    try {
      const main = await this.#profile(DEFAULT_PROFILE, this.#blueprint)
      const others = new Map([[DEFAULT_PROFILE, main.profile]])
      for (const [name, own] of Object.entries(profiles))
        others.set(name, (await this.#profile(name, own, main)).profile)
      return new Generation(id, this.#instances, others, this.#failures)
    } catch (thrown) {
      await Promise.all(this.#instances.map((instance) => instance.release(log)))
      throw thrown
    }
  }

  /** @param main the default profile, whose plugins of scope `host` serve this one too */
  async #profile(name: string, from: ProfileBlueprint, main?: { used: readonly Used[]; services: Services }) {
    const services = new Services(main?.services)
    const own = main ? from.entries.filter(({ plugin }) => plugin.scope === 'profile') : from.entries
    const activated = new Map<Entry, Instance>()
    for (const entry of inDependencyOrder(own)) {
      try {
        const instance = await this.#instantiate(entry, name, from, services)
        this.#instances.push(instance)
        services.add(instance, own.indexOf(entry))
        activated.set(entry, instance)
      } catch (thrown) {
        if (entry.optional !== true) throw thrown
        this.#failures.push(failureOf(entry.id, thrown))
        // It may have been activated all the same.
        if (this.#instances.at(-1)?.entry === entry) await this.#instances.pop()!.release(this.#options.log)
      }
    }
    const used = own.flatMap((entry) => (activated.has(entry) ? [{ entry, instance: activated.get(entry)! }] : []))
    const host = main?.used.filter(({ entry }) => entry.plugin.scope === 'host') ?? []
    return { profile: this.#assemble(name, from, [...host, ...used]), used, services }
  }

  async #instantiate(entry: Entry, profile: string, from: ProfileBlueprint, services: Services): Promise<Instance> {
    const { plugin } = entry
    const { reusable, settings, check, log, states, lenient, onQuarantine, inner } = this.#options
    const facilities = this.#options.facilities(ownerOf(profile, entry))
    const subject = `plugin '${plugin.name}' (entry '${entry.id}')`
    if (plugin.apiVersion !== 1) {
      const fact = `${subject} is written for plugin API ${String(plugin.apiVersion)}, this router provides 1`
      throw fault('CCR_PLUGIN_API', `${fact}; install a version for it`, entry)
    }
    const declared = Object.keys(plugin.config.properties).filter((key) => Object.hasOwn(from.sections, key))
    const sections = Object.fromEntries(declared.map((key) => [key, from.sections[key]]))
    const options = fitted(plugin.options, entry.options ?? {})
    const config = fitted(plugin.config, sections)
    const faults = [...options.faults, ...config.faults.map((one) => `in the config that it reads: ${one}`)]
    const at = (options.place !== undefined && entry.optionsAt?.(options.place)) || entry.file
    const wrong = `${subject}: ${faults.join('; ')}. Correct the options.`
    if (faults.length > 0) throw fault('CCR_PLUGIN_OPTIONS', wrong, { ...entry, file: at })
    const behind = plugin.requires.map((name) => [name, services.behind(name, plugin)] as const)
    const rests = behind.map(([, instances]) => instances.map(({ serial }) => serial))
    const { id, hash, granted } = entry
    const key = JSON.stringify([profile, id, plugin.name, hash, granted, options.value, config.value, rests])
    const existing = reusable.find((instance) => instance.key === key && instance.retain())
    if (existing) return existing
    // At a cold start there is nothing to go back to, so the first calls count no more than others.
    const health: Health = new Health(settings, lenient ? Infinity : FIRST_CALLS, (why) => onQuarantine(instance, why))
    // Another plugin under the same id has values of its own.
    const state = states.view(`${ownerOf(profile, entry)}/${encodeURIComponent(plugin.name)}`, log)
    const instance = new Instance(key, entry, profile, health, state)
    const requirements = new Map(behind.map(([name, instances]) => [name, offered(name, instances)]))
    const began = performance.now()
    try {
      const context = createContext(instance, options.value, config.value, { requirements, inner, log, facilities })
      await within(settings().timeouts.activate, () => plugin.activate(context))
      instance.activated = true
      check?.(instance)
    } catch (cause) {
      await instance.release(log)
      if (isCcrError(cause) && cause.plugin !== undefined) throw fault(cause.code, cause.message, entry, cause)
      throw fault('CCR_PLUGIN_ACTIVATE', `${subject} could not be activated: ${messageOf(cause)}`, entry, cause)
    }
    instance.activateMs = performance.now() - began
    return instance
  }

  #assemble(name: string, from: ProfileBlueprint, used: readonly Used[]): Profile {
    const owners = new Map<string, string>()
    const claim = (thing: string, plugin: string): void => {
      const owner = owners.get(thing)
      if (owner !== undefined) throw conflict(thing, owner, plugin)
      owners.set(thing, plugin)
    }
    const dialects = new Map<string, Dialect>()
    const endpoints: Endpoint[] = []
    for (const { entry, instance } of used) {
      for (const dialect of instance.dialects) {
        claim(`dialect '${dialect.name}'`, entry.plugin.name)
        dialects.set(dialect.name, dialect)
      }
      // What the host's plugins answer stands under no profile's path.
      if (instance.profile !== name) continue
      for (const endpoint of instance.endpoints) {
        claim(`endpoint ${endpoint.method} ${endpoint.path}`, entry.plugin.name)
        endpoints.push(endpoint)
      }
    }
    const providers = new Map<string, GenerationProvider>()
    const instances = used.map(({ instance }) => instance)
    for (const { owner, value } of contributionsTo(instances, 'providers')) {
      claim(`provider '${value.name}'`, owner)
      const local = { name: value.name, models: value.models, dialect: 'canonical', local: true, baseUrl: '' }
      providers.set(value.name, { ...local, secret: undefined, contributed: value })
    }
    const known = [...dialects.values()].flatMap((dialect) => (dialect.target ? [dialect.name] : []))
    const usable = (subject: string, provider: ProviderBlueprint): GenerationProvider | undefined => {
      // What failed in another profile may have the same id.
      const lost = this.#failures.findLast(
        ({ subject: id }) => provider.needs?.includes(id) && !used.some(({ entry }) => entry.id === id),
      )
      if (!lost && known.includes(provider.dialect)) return { ...provider, local: false }
      const exist = known.join(', ') || 'none'
      const message = `no plugin speaks the dialect '${provider.dialect}' to providers; there are ${exist}`
      this.#failures.push({ code: 'CCR_PLUGIN_UNKNOWN', message, ...lost, subject })
      return undefined
    }
    for (const { ofModels = [], ...provider } of from.providers) {
      const { name: own } = provider
      // What the user calls by a name comes before what a plugin calls so, also when it cannot be used.
      providers.delete(own)
      const whole = usable(`provider '${own}'`, provider)
      if (!whole) continue
      const variants = new Map<string, GenerationProvider | undefined>()
      for (const [model, other] of ofModels) {
        const subject = `provider '${own}' (model '${model}')`
        variants.set(model.toLowerCase(), other && usable(subject, { ...provider, ...other }))
      }
      providers.set(own, variants.size > 0 ? { ...whole, variants } : whole)
    }
    const taps = used.flatMap(({ entry, instance }) => instance.taps.map((tap) => placed(tap, entry)))
    return new Profile({ name, endpoints, dialects, providers }, taps)
  }
}

/** What a requirement's name stands for: a service, or the contributions to a point. */
function offered(name: string, behind: readonly Instance[]): unknown {
  if (!name.endsWith('[]')) return behind[0]?.services.get(name.replace(/\?$/, ''))
  return contributionsTo(behind, name.slice(0, -2) as 'providers').map(({ value }) => value)
}

function fault(code: ErrorCode, message: string, { plugin, file, paths = [] }: Entry, cause?: unknown): CcrError {
  const at = (isCcrError(cause) ? cause.at : undefined) ?? placeOf(cause, paths) ?? file
  return new CcrError(code, message, { plugin: plugin.name, at, cause })
}

/** What the reports say of a failed part. */
function failureOf(subject: string, thrown: unknown): BuildFailure {
  return isCcrError(thrown)
    ? { subject, code: thrown.code, message: thrown.message, at: thrown.at }
    : { subject, code: 'CCR_PLUGIN_ACTIVATE', message: messageOf(thrown) }
}
