import JSON5 from 'json5'
import { writtenKey } from '../../config/aliases.ts'
import { removeFromConfig, setInConfig } from '../../config/edit.ts'
import { isPlainObject } from '../../config/plain-data.ts'
import { joinPointer } from '../../config/pointer.ts'

/** One entry as it is written in a config. */
export interface WrittenEntry {
  /** JSON pointer of it. */
  readonly pointer: string
  readonly use: string
  readonly id: string | undefined
  readonly enabled: boolean
  /** Written as a name alone. */
  readonly isName: boolean
}

/** The entries of a config, and with `everywhere` those of its profiles too. */
export function writtenEntries(text: string, everywhere = false): readonly WrittenEntry[] {
  const config: unknown = JSON5.parse(text)
  if (!isPlainObject(config)) return []
  const { profiles } = config
  const others = everywhere && isPlainObject(profiles) ? Object.entries(profiles) : []
  return [
    ...entriesIn(config),
    ...others.flatMap(([name, profile]) =>
      isPlainObject(profile) ? entriesIn(profile, joinPointer('/profiles', name)) : [],
    ),
  ]
}

/** Adds an entry, or switches on the ones that there are. */
export function addEntry(text: string, use: readonly string[], entry: string | object): string {
  const found = writtenEntries(text).filter((one) => use.includes(one.use))
  if (found.length > 0) return found.reduce((edited, one) => setEnabled(edited, one, true), text)
  return setInConfig(text, `${listPointer(text)}/-`, entry)
}

/** Takes out every entry that is asked for. */
export function removeEntries(text: string, isWanted: (entry: WrittenEntry) => boolean): string {
  // From behind, so that the pointers of the others stay what they are.
  const pointers = writtenEntries(text, true)
    .filter(isWanted)
    .map(({ pointer }) => pointer)
  return pointers.reverse().reduce(removeFromConfig, text)
}

/** Switches an entry on or off. */
export function setEnabled(text: string, { pointer, use, isName, enabled }: WrittenEntry, wanted: boolean): string {
  if (enabled === wanted) return text
  return isName ? setInConfig(text, pointer, { use, enabled: wanted }) : setInConfig(text, `${pointer}/enabled`, wanted)
}

/** Where a config lists its plugins, by whichever of the two names it uses. */
export function listPointer(text: string): string {
  const config: unknown = JSON5.parse(text)
  return `/${isPlainObject(config) ? writtenKey(config, 'plugins') : 'plugins'}`
}

/** The entries of a config, or of a profile that stands at `base`. */
export function entriesIn(config: Readonly<Record<string, unknown>>, base = ''): readonly WrittenEntry[] {
  const key = writtenKey(config, 'plugins')
  const items: unknown = config[key]
  if (!Array.isArray(items)) return []
  return items.flatMap((item: unknown, index): readonly WrittenEntry[] => {
    const pointer = joinPointer(joinPointer(base, key), index)
    if (typeof item === 'string') return [{ pointer, use: item, id: undefined, enabled: true, isName: true }]
    if (!isPlainObject(item)) return []
    const { use, name, id, enabled } = item
    const isLegacy = typeof use !== 'string'
    const written = isLegacy ? name : use
    if (typeof written !== 'string') return []
    const isOn = isLegacy ? enabled === true : enabled !== false
    return [{ pointer, use: written, id: typeof id === 'string' ? id : undefined, enabled: isOn, isName: false }]
  })
}
