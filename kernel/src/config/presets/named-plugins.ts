import { isPlainObject } from '../plain-data.ts'

/** What the entries of a config use, those that are switched off left out. */
export function namedPlugins(config: Readonly<Record<string, unknown>>): readonly string[] {
  const plugins = config['plugins'] ?? config['Plugins']
  const items: readonly unknown[] = Array.isArray(plugins) ? plugins : []
  return items.flatMap((item) => {
    if (typeof item === 'string') return [item]
    if (!isPlainObject(item)) return []
    const { use, name, enabled } = item
    if (typeof use === 'string') return enabled === false ? [] : [use]
    return typeof name === 'string' && enabled === true ? [name] : []
  })
}
