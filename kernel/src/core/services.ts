import { CcrError, type Plugin } from '@ccr/sdk'
import { inOrder } from '@ccr/sdk/kernel'
import type { Entry } from './blueprint.ts'
import type { Instance } from './instance.ts'

/** Entries so that what each requires comes before it; otherwise in their own order. */
export function inDependencyOrder(entries: readonly Entry[]): Entry[] {
  const rows = entries.map((entry) => {
    const { provides, contributes, requires } = entry.plugin
    const names = [entry.id, ...provides, ...contributes.map((point) => `${point}[]`)]
    return { entry, names, stage: 0, after: requires.map((name) => name.replace(/\?$/, '')) }
  })
  return inOrder(rows).map(({ entry }) => entry)
}

/** What instances of one profile offer each other. */
export class Services {
  readonly #outer: Services | undefined = undefined
  readonly #rows: { readonly instance: Instance; readonly place: number }[] = []

  /** @param main the default profile's, of which every profile has what plugins of scope `host` offer */
  constructor(main?: Services) {
    if (!main) return
    this.#outer = new Services()
    this.#outer.#rows.push(...main.#rows.filter(({ instance }) => instance.entry.plugin.scope === 'host'))
  }

  /** Takes an activated instance up, with its place in config order; what it offers is known from now on. */
  add(instance: Instance, place: number): void {
    const { plugin } = instance.entry
    for (const name of plugin.provides) {
      if (!instance.services.has(name)) throw broken(plugin, `declares the service '${name}' and did not provide it`)
      const other = this.#providerOf(name)
      if (other) throw conflict(`service '${name}'`, other.entry.plugin.name, plugin.name)
    }
    this.#rows.push({ instance, place })
  }

  /** The instances that a requirement rests on, in config order. */
  behind(requirement: string, plugin: Plugin): readonly Instance[] {
    if (requirement.endsWith('[]')) {
      const point = requirement.slice(0, -2)
      const inner = this.#rows.filter(({ instance }) => instance.contributions.some((one) => one.point === point))
      inner.sort((first, second) => first.place - second.place)
      return [...(this.#outer?.behind(requirement, plugin) ?? []), ...inner.map(({ instance }) => instance)]
    }
    const provider = this.#providerOf(requirement.replace(/\?$/, ''))
    if (provider) return [provider]
    if (requirement.endsWith('?')) return []
    throw broken(plugin, `requires the service '${requirement}', which no plugin provides; add one that does`)
  }

  #providerOf(name: string): Instance | undefined {
    const row = this.#rows.find(({ instance }) => instance.services.has(name))
    if (row) return row.instance
    return this.#outer ? this.#outer.#providerOf(name) : undefined
  }
}

/** Two plugins registered what there can be only one of. */
export function conflict(thing: string, first: string, second: string): CcrError {
  const fact = `plugins '${first}' and '${second}' both register ${thing}`
  return new CcrError('CCR_PLUGIN_CONFLICT', `${fact}; disable one of them`, { plugin: second })
}

/** A plugin that does not keep, or cannot have, what it declared. */
export function broken({ name }: Plugin, fact: string): CcrError {
  return new CcrError('CCR_PLUGIN_SERVICE', `plugin '${name}' ${fact}`, { plugin: name })
}
