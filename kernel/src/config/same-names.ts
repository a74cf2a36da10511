import type { Entry } from '../core/blueprint.ts'
import type { EntryConfig } from '../load/entries.ts'

/** Tells of plugins that have one name and come from different files; uses of the same file may be many. */
export function sameNames(configs: readonly EntryConfig[], entries: readonly Entry[]): readonly string[] {
  const first = new Map<string, Entry>()
  const stated = new Map(configs.map((config) => [config.id, config]))
  return entries.flatMap((entry) => {
    const { name } = entry.plugin
    const other = first.get(name) ?? entry
    first.set(name, other)
    const [one, two] = [stated.get(other.id), stated.get(entry.id)]
    if (other.file === entry.file || one === undefined || two === undefined) return []
    const fact = `${two.use} is a plugin named '${name}', as is ${one.use} (${one.at}), and both are in use`
    return [`${two.at}: ${fact}. Give one of them another name, or switch off its entry.`]
  })
}
