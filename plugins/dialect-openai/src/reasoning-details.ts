import { CcrError, MAX_HELD } from '@ccr/sdk'

/**
 * One entry of `reasoning_details`: text, a summary or an encrypted thought, perhaps signed by the model's vendor.
 * Source: https://openrouter.ai/docs/use-cases/reasoning-tokens
 */
export type ReasoningDetail = { readonly [field: string]: unknown }

/** What an entry costs beside its characters. */
const DETAIL_COST = 64

const TEXTS = ['text', 'summary'] as const

/** Joins the fragments of a stream to the entries that a whole answer would have. */
export class ReasoningDetails {
  #entries: Record<string, unknown>[] = []
  #held = 0

  get empty(): boolean {
    return this.#entries.length === 0
  }

  /** @throws CcrError `CCR_STREAM_LIMIT` when more than {@link MAX_HELD} characters would have to be kept */
  add(fragments: readonly unknown[]): void {
    for (const fragment of fragments) {
      if (typeof fragment !== 'object' || fragment === null || Array.isArray(fragment)) continue
      this.#hold(fragment as ReasoningDetail)
      const last = this.#entries.at(-1)
      if (last && continues(last, fragment as ReasoningDetail)) extend(last, fragment as ReasoningDetail)
      else this.#entries.push({ ...fragment })
    }
  }

  /** The entries so far, which are forgotten. */
  take(): readonly ReasoningDetail[] {
    const entries = this.#entries
    this.#entries = []
    this.#held = 0
    return entries
  }

  #hold(fragment: ReasoningDetail): void {
    this.#held += DETAIL_COST
    for (const field in fragment) {
      const value = fragment[field]
      this.#held += typeof value === 'string' ? value.length : 0
    }
    if (this.#held > MAX_HELD)
      throw new CcrError(
        'CCR_STREAM_LIMIT',
        `the answer holds more than ${MAX_HELD} characters of reasoning details; it was given up`,
      )
  }
}

function continues(last: ReasoningDetail, fragment: ReasoningDetail): boolean {
  const { type, index } = fragment
  return (type === 'reasoning.text' || type === 'reasoning.summary') && type === last['type'] && index === last['index']
}

/** Text grows; of everything else the last word counts that says something. */
function extend(entry: Record<string, unknown>, fragment: ReasoningDetail): void {
  for (const field in fragment) {
    const value = fragment[field]
    const grows = (TEXTS as readonly string[]).includes(field) && typeof value === 'string'
    if (grows) entry[field] = `${typeof entry[field] === 'string' ? entry[field] : ''}${value}`
    else if ((value !== null && value !== '') || !(field in entry)) entry[field] = value
  }
}

/** Entries for a signature: texts that are the thinking itself are kept as their lengths. */
export function packDetails(details: readonly ReasoningDetail[], thinking: string): readonly ReasoningDetail[] {
  if (details.map(textOf).join('') !== thinking) return details
  return details.map((detail) => mapTexts(detail, (text) => (typeof text === 'string' ? text.length : text)))
}

/** The entries again; nothing when there were none, or when the thinking is not what it was. */
export function unpackDetails(packed: unknown, thinking: string): readonly ReasoningDetail[] | undefined {
  if (!Array.isArray(packed)) return undefined
  let at = 0
  let counted = false
  const details = (packed as readonly ReasoningDetail[]).map((detail) =>
    mapTexts(detail, (length) => {
      if (typeof length !== 'number') return length
      counted = true
      at += length
      return thinking.slice(at - length, at)
    }),
  )
  return counted && at !== thinking.length ? undefined : details
}

function mapTexts(detail: ReasoningDetail, map: (value: unknown) => unknown): ReasoningDetail {
  const mapped: Record<string, unknown> = { ...detail }
  for (const field of TEXTS) if (field in mapped) mapped[field] = map(mapped[field])
  return mapped
}

/** The text that an entry shows. */
export function textOf(detail: ReasoningDetail): string {
  return TEXTS.map((field) => (typeof detail[field] === 'string' ? detail[field] : '')).join('')
}
