import { CcrError } from '@ccr/sdk'
import { interpolate, type Environment } from '../config/interpolate.ts'
import { checkAnswers, parseAnswer } from '../config/presets/inputs.ts'
import type { Answers } from '../config/presets/placeholders.ts'
import type { PresetInput, PresetManifest } from '../config/presets/schema.ts'
import { matchesWhole } from './pattern.ts'

/** An answer that is the name of an environment variable, and nothing else. */
const VARIABLE = /^\$(?:\{[^}]+\}|[A-Z_][A-Z0-9_]*)$/

/**
 * The answers of `--input id=value`, in the types of their inputs and as the config writes them: a whole `$NAME` stays
 * the name of an environment variable, any other dollar is one.
 *
 * @throws CcrError `CCR_PRESET_INPUT`
 */
export function parseInputs(manifest: PresetManifest, texts: readonly string[]): Answers {
  const inputs = manifest.schema ?? []
  const answers: Record<string, unknown> = {}
  for (const text of texts) {
    const [, id, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
    const input = inputs.find((one) => one.id === id)
    if (id === undefined || value === undefined || input === undefined) {
      // What stands behind the sign may be secret.
      const shown = JSON.stringify(id ?? text.slice(0, 40))
      const known = inputs.length === 0 ? 'It asks for nothing.' : `Known: ${inputs.map((one) => one.id).join(', ')}.`
      const fact = id === undefined ? 'is not id=value' : 'is no input of this preset'
      throw new CcrError('CCR_PRESET_INPUT', `--input ${shown} ${fact}. ${known}`)
    }
    answers[id] = toConfig(VARIABLE.test(value) ? value : parseAnswer(input, value))
  }
  return answers
}

/** A value as a config writes it, where a dollar begins the name of a variable. */
export function toConfig(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(toConfig)
  return typeof answer === 'string' && !VARIABLE.test(answer) ? answer.replaceAll('$', '$$$$') : answer
}

/** The reverse of {@link toConfig}: an answer as a person has given it. */
export function fromConfig(written: unknown): unknown {
  if (Array.isArray(written)) return written.map(fromConfig)
  return typeof written === 'string' ? written.replaceAll('$$', () => '$') : written
}

/** The answers with their environment variables filled in; one that is not set is as if it was not given. */
export function resolved(answers: Answers, env: Environment): Answers {
  const { value } = interpolate(answers, env)
  const unset = unsetVariables(answers, env)
  return Object.fromEntries(Object.entries(value as Answers).filter(([id]) => !unset.has(id)))
}

/** Names of the environment variables that answers name and that are not set, by the ids of the answers. */
export function unsetVariables(answers: Answers, env: Environment): ReadonlyMap<string, readonly string[]> {
  const unset = Object.entries(answers).map(([id, answer]) => {
    const { variables } = interpolate(answer, env)
    return [id, variables.flatMap(({ name, value }) => (value === undefined ? [name] : []))] as const
  })
  return new Map(unset.filter(([, names]) => names.length > 0))
}

/** What is wrong with an answer to an input with a pattern. */
export function patternFault({ validator }: PresetInput, answer: unknown): string | undefined {
  if (validator === undefined || typeof answer !== 'string' || matchesWhole(validator, answer)) return undefined
  return `must match ${validator}`
}

/**
 * Checks answers as the config writes them. One whose environment variable is not set here is not looked at: the router
 * may know the variable.
 *
 * @returns those that count, as the config writes them
 * @throws CcrError `CCR_PRESET_INPUT` that names what is missing
 */
export function requireAnswers(manifest: PresetManifest, answers: Answers, env: Environment): Answers {
  const unset = unsetVariables(answers, env)
  const checked = checkAnswers(manifest, resolved(answers, env))
  const faults = [
    ...checked.faults.map(({ input, fact }) => `${input.id} ${fact}`),
    ...(manifest.schema ?? []).flatMap((input) => {
      const fact = patternFault(input, checked.answers[input.id])
      return fact === undefined ? [] : [`${input.id} ${fact}`]
    }),
  ]
  if (faults.length > 0)
    throw new CcrError('CCR_PRESET_INPUT', `the answers do not fit: ${faults.join('; ')}. Correct them.`)
  const missing = checked.missing.filter(({ id }) => !unset.has(id))
  if (missing.length > 0) {
    const ids = missing.map(({ id, type = 'input', label }) => `${id} (${label ?? type})`).join(', ')
    const example = missing[0]!.id
    const variable = `--input '${example}=$NAME' for an environment variable`
    const remedy = `Give each with --input, as in --input ${example}=… or ${variable}.`
    throw new CcrError('CCR_PRESET_INPUT', `the preset ${manifest.name} needs ${ids}. ${remedy}`)
  }
  // What is asked may depend on what is not known here.
  if (unset.size > 0) return answers
  return Object.fromEntries(Object.entries(answers).filter(([id]) => Object.hasOwn(checked.answers, id)))
}
