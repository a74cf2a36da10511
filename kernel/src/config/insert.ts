import type { DocumentNode } from '@humanwhocodes/momoa'
import jju from 'jju'
import JSON5 from 'json5'

/** Where something stands in a text, from its first character to behind its last one. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** A list or an object, with its brackets. */
export interface Container extends Range {
  readonly items: readonly Range[]
}

/** What is added: a member of an object has a key. */
export interface NewItem {
  readonly key?: string | undefined
  readonly value: unknown
  /** A comma follows the last item of what is added. */
  readonly hasTrailingComma: boolean
}

/**
 * Adds an item at the end of a list or an object, in the style of the text: on a line of its own behind the comments of
 * the line of the one before, where that one stands on lines of its own.
 */
export function insertItem(text: string, { tokens = [] }: DocumentNode, into: Container, item: NewItem): string {
  const inside = tokens
    .map(({ type, loc }) => ({ isComment: /Comment$/.test(type), type, start: loc.start.offset, end: loc.end.offset }))
    .filter(({ start, end }) => start > into.start && end < into.end)
  const last = inside.findLast(({ isComment }) => !isComment)
  const behind = last?.end ?? into.start + 1
  const comma = last === undefined || last.type === 'Comma' ? '' : ','
  const lineEnd = inside
    .filter(({ isComment, start }) => isComment && start >= behind)
    .reduce((end, one) => (text.slice(end, one.start).includes('\n') ? end : one.end), behind)
  const before = text.slice(0, behind) + comma + text.slice(behind, lineEnd)
  const after = text.slice(lineEnd)
  const end = last?.type === 'Comma' || (last === undefined && item.hasTrailingComma) ? ',' : ''
  const outer = indentAt(text, into.start)
  const inner = into.items.length > 0 ? indentAt(text, into.items[0]!.start) : outer + unitOf(text)
  const lines = `\n${inner}${written(text, item, unitOf(text)).replaceAll('\n', `\n${inner}`)}${end}`
  if (/^[ \t\r]*\n/.test(after)) return before + lines + after
  if (last === undefined && text.trim().includes('\n')) return `${before}${lines}\n${outer}${after.trimStart()}`
  return `${before}${last === undefined ? '' : ' '}${written(text, item, '')}${end}${after}`
}

function written(text: string, { key, value, hasTrailingComma }: NewItem, indent: string): string {
  const { quote, quote_keys: isStrict } = jju.analyze(text, { mode: 'json5' })
  const show = (one: unknown): string =>
    isStrict ? JSON.stringify(one, null, indent) : JSON5.stringify(one, { space: indent, quote })
  // A text holds no line end as it is.
  const shown = hasTrailingComma ? show(value) : show(value).replace(/,(?=\n\s*[}\]])/g, '')
  if (key === undefined) return shown
  return `${isStrict || !/^[A-Za-z_]\w*$/.test(key) ? show(key) : key}: ${shown}`
}

/** The blanks that the line of a place begins with. */
function indentAt(text: string, place: number): string {
  const line = text.slice(text.lastIndexOf('\n', place - 1) + 1, place)
  return /^[ \t]*/.exec(line)![0]
}

/** What one level is indented by. */
function unitOf(text: string): string {
  return /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
}
