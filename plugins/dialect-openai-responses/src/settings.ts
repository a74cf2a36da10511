import { askedThinking, type CanonicalRequest } from '@ccr/sdk'
import type { Trait } from './adapt.ts'
import { askedFormat } from './answer-format.ts'
import { fieldsOf, textOf, type Fields } from './wire.ts'

/** Efforts of the wire that are also canonical words. */
const SHARED: ReadonlySet<string> = new Set(['low', 'medium', 'high', 'xhigh', 'max'])

/** What a client of this dialect asked, in canonical words. */
export function toCanonicalEffort(effort: unknown): string | undefined {
  if (effort === 'minimal') return 'low'
  return typeof effort === 'string' && effort !== 'none' ? effort : undefined
}

/**
 * `reasoning` of the body: the steps of a token budget, or the effort as asked; nothing where no thinking is wanted.
 * `own` is what a client of this dialect sent; its words count as long as nobody changed their canonical meaning.
 */
export function addReasoning(
  body: Record<string, unknown>,
  request: CanonicalRequest,
  own: Fields,
  refused: ReadonlySet<Trait>,
): void {
  if (refused.has('reasoning')) return
  const { thinking } = request
  if (thinking?.type === 'disabled' && own['effort'] === 'none' && !refused.has('effort_range')) {
    body['reasoning'] = { effort: 'none' }
    return
  }
  const thoughts = askedThinking(request)
  if (!thoughts?.on) return
  const asked = thoughts.effort
  const unchanged = own['effort'] !== undefined && toCanonicalEffort(own['effort']) === asked
  const effort = clamp(unchanged ? own['effort'] : asked, refused)
  const { effort: _asked, summary, generate_summary, ...rest } = own
  const fromClient = Object.keys(own).length > 0
  const shown = fromClient ? (summary ?? generate_summary) : isHidden(request) ? undefined : 'auto'
  body['reasoning'] = {
    ...rest,
    ...(effort !== undefined && { effort }),
    ...(shown !== undefined && shown !== null && !refused.has('reasoning_summary') && { summary: shown }),
  }
}

function isHidden({ thinking }: CanonicalRequest): boolean {
  return (thinking as { display?: unknown } | undefined)?.display === 'omitted'
}

function clamp(effort: unknown, refused: ReadonlySet<Trait>): string | undefined {
  if (typeof effort !== 'string') return undefined
  if (!SHARED.has(effort) && effort !== 'minimal') return undefined
  if (!refused.has('effort_range')) return effort
  return effort === 'minimal' ? 'low' : effort === 'xhigh' || effort === 'max' ? 'high' : effort
}

/** `text` of the body: the schema of the answer, and what a client of this dialect asked beside it. */
export function addFormat(
  body: Record<string, unknown>,
  request: CanonicalRequest,
  own: Fields,
  refused: ReadonlySet<Trait>,
): void {
  const { format: asked = askedFormat(request), ...rest } = own
  const format = refused.has('text_format') ? undefined : formatOf(request, fieldsOf(asked))
  const text = { ...rest, ...(format && { format }) }
  if (Object.keys(text).length > 0) body['text'] = text
}

function formatOf(request: CanonicalRequest, asked: Fields): Fields | undefined {
  const { type, schema } = fieldsOf(request.output_config?.format)
  if (type !== 'json_schema' || typeof schema !== 'object' || schema === null)
    return textOf(asked['type']) === '' || asked['type'] === 'json_schema' ? undefined : asked
  // The client's own words say more, such as the name of the schema, which has to have one.
  return { name: 'answer', ...(asked['schema'] === schema ? asked : { type: 'json_schema', schema }) }
}
