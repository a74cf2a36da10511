import { CcrError } from '@ccr/sdk'
import { isPlainObject } from '../plain-data.ts'
import { isFileText } from './file-text.ts'

/** Where an answer is put: `#{id}` or `{{id}}`. */
export const PLACEHOLDER = /#\{([^{}]*)\}|\{\{([^{}]*)\}\}/g

/** What answers are filled in from; only own members count. */
export type Answers = Readonly<Record<string, unknown>>

/**
 * Fills placeholders in every text of a value; the result of one is always text, and that of an input without answer is
 * empty. `{{…}}` stays where it names no input: other texts use the same braces.
 *
 * @param ids the inputs of the manifest
 * @param room how much text may still be filled in; of one preset all is counted together
 * @throws CcrError `CCR_PRESET_INVALID` for more text than that, or a file's name that nobody has answered
 */
export function fillPlaceholders(value: unknown, answers: Answers, ids: ReadonlySet<string>, room: Room): unknown {
  if (typeof value === 'string') return fillText(value, answers, ids, room)
  if (Array.isArray(value)) return value.map((item) => fillPlaceholders(item, answers, ids, room))
  if (!isPlainObject(value)) return value
  const entries = Object.entries(value)
  return Object.fromEntries(entries.map(([key, item]) => [key, fillPlaceholders(item, answers, ids, room)]))
}

/** Counts the characters that answers may still take up. */
export interface Room {
  left: number
}

/** A short manifest that repeats one long answer would fill the memory. */
export function createRoom(): Room {
  return { left: MAX_FILLED }
}

const MAX_FILLED = 8 * 1024 * 1024

function fillText(text: string, answers: Answers, ids: ReadonlySet<string>, room: Room): string {
  let isAnswered = false
  const filled = text.replace(PLACEHOLDER, (whole, hash?: string, braces?: string) => {
    const id = (hash ?? braces ?? '').trim()
    if (!ids.has(id)) return hash === undefined ? whole : ''
    const answer = toText(answerOf(answers, id))
    room.left -= answer.length
    if (room.left < 0) throw refused(`repeats answers to more than ${MAX_FILLED} characters`)
    isAnswered ||= isFileText(answer)
    return answer
  })
  // Whoever is asked may name a file; pieces of a preset may not be put together to one.
  if (filled !== text && isFileText(filled) && !isAnswered) throw refused('makes the name of a file of its answers')
  return filled
}

function refused(fact: string): CcrError {
  return new CcrError(
    'CCR_PRESET_INVALID',
    `the preset ${fact}. Answer what it asks for, or ask its author to change it.`,
  )
}

/** The id of the input that a text consists of; nothing when it holds anything else. */
export function wholePlaceholder(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const match = /^(?:#\{([^{}]*)\}|\{\{([^{}]*)\}\})$/.exec(value)
  return match === null ? undefined : (match[1] ?? match[2] ?? '').trim()
}

/** The ids that `#{…}` names in a value, with where. */
export function namedIds(
  value: unknown,
  pointer: string,
): readonly { readonly id: string; readonly pointer: string }[] {
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
