import { CcrError } from '@ccr/sdk'
import { cleanStore } from '../install/stage.ts'
import { formatLock, lockFile, parseLock } from '../load/lock.ts'
import { suggestion } from '../load/nearest.ts'
import { withChangeLock } from './change-lock.ts'
import { applyChange } from './config-change.ts'
import type { CommandContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { ending } from './plugin-add.ts'
import { readPins } from './plugin-candidate.ts'
import { removeEntries, writtenEntries, type WrittenEntry } from './plugin-entries.ts'
import { checkEditable } from './plugin-install.ts'

/** `ccr plugin remove`: takes a plugin out of the config, the lock and the store. */
export async function pluginRemove(context: CommandContext, name: string): Promise<number> {
  await checkEditable(context)
  return withChangeLock(context, async () => {
    const pins = await readPins(context)
    const pin = pins.find((one) => one.name === name) ?? pins.find((one) => one.plugin === name)
    const isMeant = ({ use, id }: WrittenEntry): boolean =>
      pin === undefined ? (id ?? use) === name && use.startsWith('file:') : use === pin.name || use === pin.plugin
    let found = pin !== undefined
    const change = await applyChange(context, {
      config: (text) => {
        found ||= writtenEntries(text, true).some(isMeant)
        if (!found) throw unknown(name, [...pins.map((one) => one.name), ...workingCopies(text)])
        return removeEntries(text, isMeant)
      },
      ...(pin !== undefined && {
        lock: (text: string | undefined) =>
          formatLock(parseLock(text, lockFile(context.home)).filter((one) => one.name !== pin.name)),
      }),
    })
    // What still runs may load more of its files; the next command removes them.
    if (!change.draining) await cleanStore(context.home, await readPins(context))
    context.print(`removed ${pin === undefined ? name : `${pin.name} ${pin.version}`}${ending(change)}`)
    return EXIT.ok
  })
}

function workingCopies(text: string): readonly string[] {
  return writtenEntries(text, true).flatMap(({ use, id }) => (use.startsWith('file:') ? [id ?? use] : []))
}

function unknown(name: string, known: readonly string[]): CcrError {
  const list = known.length === 0 ? 'None was added.' : `Added: ${known.join(', ')}.`
  const remedy = 'What comes with the router is switched off with `ccr plugin disable`.'
  const fact = `no plugin ${name} was added.${suggestion(name, known)} ${list}`
  return new CcrError('CCR_PLUGIN_UNKNOWN', `${fact} ${remedy}`)
}
