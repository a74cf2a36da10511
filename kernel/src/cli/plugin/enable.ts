import { CcrError } from '@ccr/sdk'
import { readDefaultPreset } from '../../config/preset.ts'
import { setInConfig } from '../../config/edit.ts'
import { findBuiltins, originOf, packageRoot } from '../../load/builtin.ts'
import { pluginNames } from '../../load/entries.ts'
import { suggestion } from '../../load/nearest.ts'
import { findStored } from '../../load/store.ts'
import { changeConfig } from '../config-change.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { tellChange } from './add.ts'
import { listPointer, setEnabled, writtenEntries, type WrittenEntry } from './entries.ts'
import { fileEntries, filesNamed } from './files.ts'
import { checkEditable } from './install.ts'

/** `ccr plugin enable` and `ccr plugin disable`: switches entries on or off, by their id or the name of the plugin. */
export async function pluginEnable(context: CommandContext, name: string, enabled: boolean): Promise<number> {
  await checkEditable(context)
  const [builtins, stored, preset] = await Promise.all([
    findBuiltins(packageRoot(), originOf(context.env)),
    findStored(context.home, new Set()),
    readDefaultPreset(),
  ])
  const nameOf = pluginNames(builtins, stored)
  const installed = [...builtins.map((one) => one.name), ...stored.map(({ pin }) => pin.plugin)]
  const state = enabled ? 'on' : 'off'
  let already = false
  const change = await changeConfig(context, {
    config: async (text, file) => {
      const entries = writtenEntries(text)
      const plugin = nameOf(name)
      const isUsed = preset.plugins.includes(plugin)
      let meant = entriesNamed(entries, name, nameOf)
      if (meant.length === 0 && !isUsed && !installed.includes(plugin)) {
        const files = await filesNamed(context, fileEntries(context, entries, file), name)
        meant = files.meant.map(({ entry }) => entry)
        const known = [...installed, ...entries.map(({ id, use }) => id ?? use), ...files.known]
        if (meant.length === 0) throw unknown(name, known)
      }
      if (meant.length > 0) {
        already = meant.every((one) => one.enabled === enabled)
        return meant.reduce((edited, one) => setEnabled(edited, one, enabled), text)
      }
      already = isUsed === enabled
      if (already) return text
      return setInConfig(text, `${listPointer(text)}/-`, enabled ? plugin : { use: plugin, enabled: false })
    },
  })
  if (already) context.print(`${name} is ${state} already`)
  else tellChange(context, `${name} is ${state}`, change)
  return EXIT.ok
}

/** The entry with this id, else every use of the plugin with this name. */
function entriesNamed(
  entries: readonly WrittenEntry[],
  name: string,
  nameOf: (use: string) => string,
): readonly WrittenEntry[] {
  const byId = entries.filter(({ id, use }) => (id ?? use) === name)
  return byId.length > 0 ? byId : entries.filter(({ use }) => nameOf(use) === nameOf(name))
}

function unknown(name: string, known: readonly string[]): CcrError {
  const fact = `there is no plugin ${name}.${suggestion(name, known)}`
  return new CcrError('CCR_PLUGIN_UNKNOWN', `${fact} \`ccr plugin list\` shows what there is.`)
}
