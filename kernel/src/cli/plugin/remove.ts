import { cleanStore } from '../../install/stage.ts'
import { formatLock, lockFile, parseLock } from '../../load/lock.ts'
import { withChangeLock } from '../change-lock.ts'
import { applyChange, isSettled } from '../config-change.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { tellChange } from './add.ts'
import { notAdded, readPins } from './candidate.ts'
import { removeEntries, writtenEntries } from './entries.ts'
import { fileEntries, filesNamed } from './files.ts'
import { checkEditable } from './install.ts'

/** What else a user may have meant. */
const DISABLED = ' What comes with the router is switched off with `ccr plugin disable`.'

/** `ccr plugin remove`: takes a plugin out of the config, the lock and the store. */
export async function pluginRemove(context: CommandContext, name: string): Promise<number> {
  await checkEditable(context)
  return withChangeLock(context, async () => {
    const pins = await readPins(context)
    const pin = pins.find((one) => one.name === name) ?? pins.find((one) => one.plugin === name)
    const change = await applyChange(context, {
      config: async (text, file) => {
        if (pin !== undefined) return removeEntries(text, ({ use }) => use === pin.name || use === pin.plugin)
        const files = fileEntries(context, writtenEntries(text, true), file)
        const { meant, known } = await filesNamed(context, files, name)
        if (meant.length === 0) throw notAdded(name, [...pins.map((one) => one.name), ...known], DISABLED)
        const pointers = meant.map(({ entry }) => entry.pointer)
        return removeEntries(text, ({ pointer }) => pointers.includes(pointer))
      },
      ...(pin !== undefined && {
        lock: (text: string | undefined) =>
          formatLock(parseLock(text, lockFile(context.home)).filter((one) => one.name !== pin.name)),
      }),
    })
    // What still runs may load more of its files; the next command removes them.
    if (isSettled(change)) await cleanStore(context.home, await readPins(context))
    tellChange(context, `removed ${pin === undefined ? name : `${pin.name} ${pin.version}`}`, change)
    return EXIT.ok
  })
}
