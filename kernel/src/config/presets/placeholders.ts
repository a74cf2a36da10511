import { isPlainObject } from '../plain-data.ts'

/** Where an answer is put: `#{id}` or `{{id}}`. */
export const PLACEHOLDER = /#\{([^{}]*)\}|\{\{([^{}]*)\}\}/g

/** What answers are filled in from; only own members count. */
export type Answers = Readonly<Record<string, unknown>>

/**
 * Fills placeholders in every text of a value; the result of one is always text, and that of an input without answer is
 * empty. `{{…}}` stays where it names no input: other texts use the same braces.
 *
 * @param ids the inputs of the manifest
 */
export function fillPlaceholders(value: unknown, answers: Answers, ids: ReadonlySet<string>): unknown {
  if (typeof value === 'string') {
    return value.replace(PLACEHOLDER, (whole, hash?: string, braces?: string) => {
      const id = (hash ?? braces ?? '').trim()
      if (!ids.has(id)) return hash === undefined ? whole : ''
      return toText(answerOf(answers, id))
    })
  }
  if (Array.isArray(value)) return value.map((item) => fillPlaceholders(item, answers, ids))
  if (!isPlainObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillPlaceholders(item, answers, ids)]))
}

/** The id of the input that a text consists of; nothing when it holds anything else. */
export function wholePlaceholder(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const match = /^(?:#\{([^{}]*)\}|\{\{([^{}]*)\}\})$/.exec(value)
  return match === null ? undefined : (match[1] ?? match[2] ?? '').trim()
}

/** The ids that `#{…}` names in a value, with where. */
export function namedIds(value: unknown, pointer = ''): readonly { readonly id: string; readonly pointer: string }[] {
  if (typeof value === 'string') {
    return [...value.matchAll(/#\{([^{}]*)\}/g)].map(([, id]) => ({ id: id!.trim(), pointer }))
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => namedIds(item, `${pointer}/${key}`))
}

/** The answer to an input. */
export function answerOf(answers: Answers, id: string): unknown {
  return Object.hasOwn(answers, id) ? answers[id] : undefined
}

function toText(answer: unknown): string {
  if (answer === undefined || answer === null) return ''
  return Array.isArray(answer) ? answer.join(',') : String(answer)
}
