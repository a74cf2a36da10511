import { isPlainObject } from '../plain-data.ts'
import { answerOf, wholePlaceholder, type Answers } from './placeholders.ts'
import type { PresetConditions, PresetInput, PresetManifest, PresetOption } from './schema.ts'

/** The inputs of a manifest, each behind those that decide whether it is asked and what it offers. */
export function orderedInputs(manifest: PresetManifest): readonly PresetInput[] {
  const inputs = new Map((manifest.schema ?? []).map((input) => [input.id, input]))
  const ordered = new Set<PresetInput>()
  const seen = new Set<string>()
  const visit = (input: PresetInput): void => {
    // Inputs that wait for each other are asked in the order of the manifest.
    if (seen.has(input.id)) return
    seen.add(input.id)
    for (const id of fieldsBefore(input)) {
      const before = inputs.get(id)
      if (before !== undefined) visit(before)
    }
    ordered.add(input)
  }
  for (const input of inputs.values()) visit(input)
  return [...ordered]
}

function fieldsBefore({ when, dependsOn = [], options }: PresetInput): readonly string[] {
  const provider = isPlainObject(options) && options['type'] === 'models' ? fieldName(options['providerField']) : ''
  return [...dependsOn, ...conditionsOf(when).map(({ field }) => field), provider]
}

/** Whether conditions hold, of which all must. Values are compared strictly. */
export function holds(when: PresetConditions | undefined, answers: Answers): boolean {
  return conditionsOf(when).every(({ field, operator = 'eq', value }) => {
    const answer = answerOf(answers, field)
    switch (operator) {
      case 'eq':
        return answer === value
      case 'ne':
        return answer !== value
      case 'in':
        return Array.isArray(value) && value.includes(answer)
      case 'nin':
        return Array.isArray(value) && !value.includes(answer)
      case 'gt':
        return isOrdered(answer, value) && answer > (value as typeof answer)
      case 'lt':
        return isOrdered(answer, value) && answer < (value as typeof answer)
      case 'gte':
        return isOrdered(answer, value) && answer >= (value as typeof answer)
      case 'lte':
        return isOrdered(answer, value) && answer <= (value as typeof answer)
      case 'exists':
        return (answer !== undefined && answer !== null) === (value !== false)
    }
  })
}

function isOrdered(answer: unknown, value: unknown): answer is number | string {
  return typeof answer === typeof value && (typeof answer === 'number' || typeof answer === 'string')
}

function conditionsOf(when: PresetConditions | undefined): Extract<PresetConditions, readonly unknown[]> {
  return when === undefined ? [] : Array.isArray(when) ? when : [when]
}

/** What a select offers now; nothing for an input of another type. */
export function optionsOf(
  { options, type }: PresetInput,
  manifest: PresetManifest,
  answers: Answers,
): readonly PresetOption[] | undefined {
  if ((type !== 'select' && type !== 'multiselect') || options === undefined) return undefined
  if (Array.isArray(options)) return options
  switch (options.type) {
    case 'static':
      return options.options
    case 'custom':
      return []
    case 'providers':
      return providersOf(manifest).flatMap(({ name }) => (typeof name === 'string' ? [toOption(name)] : []))
    case 'models': {
      const chosen = answerOf(answers, fieldName(options.providerField))
      const models = providersOf(manifest).find(({ name }) => name === chosen)?.models
      return (Array.isArray(models) ? models : []).filter((one) => typeof one === 'string').map(toOption)
    }
  }
}

interface NamedProvider {
  readonly name?: unknown
  readonly models?: unknown
}

function providersOf({ Providers, template }: PresetManifest): readonly NamedProvider[] {
  const other = template?.['Providers']
  return (Providers ?? (Array.isArray(other) ? other : [])) as readonly NamedProvider[]
}

function toOption(value: string): PresetOption {
  return { label: value, value }
}

/** `#{id}`, `{{id}}` or the bare id: users write all three. */
function fieldName(text: unknown): string {
  return wholePlaceholder(text) ?? String(text)
}

/**
 * What is wrong with an answer, as the end of a sentence; nothing when it can be taken.
 *
 * @param offered what a select offers now
 */
export function answerFault(
  input: PresetInput,
  answer: unknown,
  offered?: readonly PresetOption[],
): string | undefined {
  const { type = 'input', min, max } = input
  switch (type) {
    case 'number': {
      if (typeof answer !== 'number' || !Number.isFinite(answer)) return 'must be a number'
      if (min !== undefined && answer < min) return `must be ${min} or more`
      return max !== undefined && answer > max ? `must be ${max} or less` : undefined
    }
    case 'confirm':
      return typeof answer === 'boolean' ? undefined : 'must be true or false'
    case 'select':
      return isOffered(offered, answer) ? undefined : `must be one of ${listed(offered)}`
    case 'multiselect':
      return Array.isArray(answer) && answer.every((one) => isOffered(offered, one))
        ? undefined
        : `must be a list of ${listed(offered)}`
    case 'input':
    case 'password':
    case 'editor':
      return typeof answer === 'string' ? undefined : 'must be text'
  }
}

function isOffered(offered: readonly PresetOption[] | undefined, answer: unknown): boolean {
  return offered === undefined || offered.some(({ value, disabled }) => value === answer && disabled !== true)
}

function listed(offered: readonly PresetOption[] | undefined): string {
  const values = (offered ?? []).filter(({ disabled }) => disabled !== true).map(({ value }) => String(value))
  return values.length === 0 ? 'the options, of which there are none' : values.join(', ')
}

/** The answers that count, and what is wrong with the others. */
export interface CheckedAnswers {
  /** Of the inputs that are asked, defaults included. */
  readonly answers: Answers
  /** Inputs that are asked, have no default, and were not answered. */
  readonly missing: readonly PresetInput[]
  readonly faults: readonly { readonly input: PresetInput; readonly fact: string }[]
}

/** Goes through the inputs as if each were asked in its order. */
export function checkAnswers(manifest: PresetManifest, given: Answers): CheckedAnswers {
  const answers: Record<string, unknown> = {}
  const missing: PresetInput[] = []
  const faults: CheckedAnswers['faults'][number][] = []
  for (const input of orderedInputs(manifest)) {
    if (!holds(input.when, answers)) continue
    const offered = optionsOf(input, manifest, answers)
    const raw = answerOf(given, input.id) ?? input.defaultValue
    // A number from an environment variable is text too.
    const answer = typeof raw === 'string' ? parseAnswer(input, raw, offered) : raw
    if (answer === undefined || (answer === '' && input.required !== false)) {
      if (input.required !== false) missing.push(input)
      continue
    }
    const fact = answerFault(input, answer, offered)
    if (fact === undefined) answers[input.id] = answer
    else faults.push({ input, fact })
  }
  return { answers, missing, faults }
}

/** An answer as it is written on a command line, in the type of its input; lists are separated by commas. */
export function parseAnswer(input: PresetInput, text: string, offered?: readonly PresetOption[]): unknown {
  const choice = (one: string): unknown => offered?.find(({ value }) => String(value) === one)?.value ?? one
  switch (input.type ?? 'input') {
    case 'number':
      return text.trim() === '' ? text : Number(text)
    case 'confirm':
      return /^(?:true|yes|y|1)$/i.test(text) ? true : /^(?:false|no|n|0)$/i.test(text) ? false : text
    case 'select':
      return choice(text)
    case 'multiselect':
      return text === '' ? [] : text.split(',').map((one) => choice(one.trim()))
    default:
      return text
  }
}
