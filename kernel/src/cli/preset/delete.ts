import { removeFromConfig } from '../../config/edit.ts'
import { joinPointer } from '../../config/pointer.ts'
import { answersIn } from '../../config/presets/prepared.ts'
import { parseSource } from '../../config/source.ts'
import { findRunning } from '../../host/process/instance.ts'
import { takePresetAway } from '../../presets/store.ts'
import { withChangeLock } from '../change-lock.ts'
import { applyChange } from '../config-change.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { requestReload } from '../generation-report.ts'

/** `ccr preset delete`: takes a preset and the answers to its questions away. */
export async function presetDelete(context: CommandContext, name: string): Promise<number> {
  let isExtended = false
  await withChangeLock(context, async () => {
    const taken = await takePresetAway(context.home, name)
    try {
      const { generation } = await applyChange(context, {
        config: (text) => {
          const { extends: names } = parseSource('config.json', text).value
          isExtended = Array.isArray(names) && names.includes(name)
          return withoutAnswers(text, name)
        },
      })
      const running = generation === undefined ? await findRunning(context.home) : undefined
      const result = running && (await requestReload(context.home, running.url))
      if (result && !('generation' in result))
        context.complain(`ccr: the router did not take the change: ${result.message}`)
    } catch (thrown) {
      await taken.undo()
      throw thrown
    }
    await taken.keep()
  })
  if (isExtended)
    context.complain(`ccr: the config still extends ${name}, and lacks what it brought. Edit extends there.`)
  context.print(`ccr: the preset ${name} is deleted`)
  return EXIT.ok
}

/** The text of a config without the answers to the questions of a preset. */
export function withoutAnswers(text: string, name: string): string {
  const { value } = parseSource('config.json', text)
  return Object.keys(answersIn(value, name)).length === 0 ? text : removeFromConfig(text, joinPointer('/presets', name))
}
