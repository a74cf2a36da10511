import type { Readable, Writable } from 'node:stream'
import { confirm, isCancel, multiline, multiselect, password, select, text } from '@clack/prompts'
import { CcrError } from '@ccr/sdk'
import { answerFault, holds, optionsOf, orderedInputs, parseAnswer } from '../../config/presets/inputs.ts'
import { answerOf, type Answers } from '../../config/presets/placeholders.ts'
import type { PresetInput, PresetManifest, PresetOption } from '../../config/presets/schema.ts'
import { withoutControls } from '../../config/presets/shown-text.ts'
import { fromConfig, patternFault, resolved, toConfig } from '../../presets/answers.ts'

/** Where a person is asked. */
export interface Terminal {
  readonly input?: Readable | undefined
  readonly output?: Writable | undefined
}

/**
 * Asks for what a preset needs, in the order of its inputs, until each answer fits; what is given is not asked for.
 *
 * @param given answers as the config writes them
 * @param before answers to offer again, as the config writes them
 * @returns all of them as the config writes them
 * @throws CcrError `CCR_PRESET_INPUT` when the person gives up
 */
export async function askInputs(
  manifest: PresetManifest,
  { given, before = {}, env }: { readonly given: Answers; readonly before?: Answers; readonly env: NodeJS.ProcessEnv },
  terminal: Terminal = {},
): Promise<Answers> {
  const answers: Record<string, unknown> = { ...given }
  for (const input of orderedInputs(manifest)) {
    const known = resolved(answers, env)
    if (answerOf(answers, input.id) !== undefined || !holds(input.when, known)) continue
    const offered = optionsOf(input, manifest, known)
    const answer = await ask(input, offered, fromConfig(answerOf(before, input.id)) ?? input.defaultValue, terminal)
    if (isCancel(answer)) throw givenUp()
    if (answer !== undefined && answer !== '') answers[input.id] = toConfig(answer)
  }
  return answers
}

/** Asks for a yes; no, and leaving, are both no. */
export async function agree(message: string, terminal: Terminal = {}): Promise<boolean> {
  return (await confirm({ message, initialValue: false, ...streams(terminal) })) === true
}

function ask(
  input: PresetInput,
  offered: readonly PresetOption[] | undefined,
  initial: unknown,
  terminal: Terminal,
): Promise<unknown> {
  const { type = 'input', required = true } = input
  const placeholder = withoutControls(input.placeholder ?? '')
  const message = withoutControls(input.prompt ?? input.label ?? input.id)
  const common = { message, ...streams(terminal) }
  const validate = (value: string | undefined): string | undefined => {
    if (value === undefined || value === '') return required ? 'Give an answer.' : undefined
    const answer = parseAnswer(input, value, offered)
    return answerFault(input, answer, offered) ?? patternFault(input, answer)
  }
  const initialValue = typeof initial === 'string' || typeof initial === 'number' ? String(initial) : ''
  switch (type) {
    case 'password':
      return password({ ...common, validate })
    case 'confirm':
      return confirm({ ...common, initialValue: initial === true })
    case 'select':
      return select({ ...common, options: toOptions(offered), ...(initial !== undefined && { initialValue: initial }) })
    case 'multiselect':
      return multiselect({
        ...common,
        required,
        options: toOptions(offered),
        ...(Array.isArray(initial) && { initialValues: initial as unknown[] }),
      })
    case 'editor':
      return multiline({ ...common, placeholder, initialValue, validate })
    case 'number':
      return text({ ...common, placeholder, initialValue, validate }).then((answer) =>
        typeof answer === 'string' && answer !== '' ? parseAnswer(input, answer) : answer,
      )
    case 'input':
      return text({ ...common, placeholder, initialValue, validate })
  }
}

function toOptions(offered: readonly PresetOption[] = []) {
  return offered.map(({ value, label, description, disabled }) => ({
    value: value as unknown,
    label: withoutControls(label),
    ...(description !== undefined && { hint: withoutControls(description) }),
    ...(disabled !== undefined && { disabled }),
  }))
}

function streams({ input, output }: Terminal) {
  return { ...(input !== undefined && { input }), ...(output !== undefined && { output }) }
}

function givenUp(): CcrError {
  return new CcrError('CCR_PRESET_INPUT', 'the questions were left unanswered; nothing was installed. Start again.')
}
