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
import { requestReload, type GenerationReport } from '../generation-report.ts'
import { complainOf } from '../shortcomings.ts'

/** `ccr preset delete`: takes a preset and the answers to its questions away. */
export async function presetDelete(context: CommandContext, name: string): Promise<number> {
  let isExtended = false
  let report: GenerationReport | undefined
  await withChangeLock(context, async () => {
    const taken = await takePresetAway(context.home, name)
    try {
      const change = await applyChange(context, {
        config: (text) => {
          const { extends: names } = parseSource('config.json', text).value
          isExtended = Array.isArray(names) && names.includes(name)
          return withoutAnswers(text, name)
        },
      })
      report = change.report ?? (await reloaded(context))
    } catch (thrown) {
      await taken.undo()
      throw thrown
    }
    await taken.keep()
  })
  if (isExtended)
    context.complain(`ccr: the config still extends ${name}, and lacks what it brought. Edit extends there.`)
  context.print(`ccr: the preset ${name} is deleted`)
  if (report !== undefined) complainOf(context, report)
  return EXIT.ok
}

/** What the running router says when it has read that a preset is gone whose questions nobody had answered. */
async function reloaded(context: CommandContext): Promise<GenerationReport | undefined> {
  const running = await findRunning(context.home)
  const result = running && (await requestReload(context.home, running.url))
  if (result === undefined || 'generation' in result) return result
  context.complain(`ccr: the router did not take the change: ${result.message}`)
  return undefined
}

/** The text of a config without the answers to the questions of a preset. */
export function withoutAnswers(text: string, name: string): string {
  const { value } = parseSource('config.json', text)
  return Object.keys(answersIn(value, name)).length === 0 ? text : removeFromConfig(text, joinPointer('/presets', name))
}
