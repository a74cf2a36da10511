import { isDeepStrictEqual } from 'node:util'
import { CcrError, messageOf } from '@ccr/sdk'
import { parse, type DocumentNode, type ValueNode } from '@humanwhocodes/momoa'
import jju from 'jju'
import JSON5 from 'json5'
import { insertItem, type Range } from './insert.ts'
import { isPlainObject } from './plain-data.ts'
import { splitPointer } from './pointer.ts'

/** What a config file that does not exist yet stands for. */
export const EMPTY_CONFIG = '{\n}\n'

/**
 * Sets the value at a JSON pointer of a JSON5 text; `-` as the last key appends to a list, and what is missing on the
 * way is created. Comments, order and everything else stay as they are.
 *
 * @throws CcrError `CCR_CONFIG_EDIT` when the text cannot be edited that way
 */
export function setInConfig(text: string, pointer: string, value: unknown): string {
  const before = read(text)
  const after = withValue(before, splitPointer(pointer), value, pointer)
  const inherited = inheritedName(after)
  // The editor would write such a member a second time.
  if (inherited !== undefined) throw refused(pointer, `it has a member called '${inherited}', as every object has`)
  if (/^\s*\{\s*\}\s*$/.test(text)) return `${JSON.stringify(after, null, 2)}\n`
  const tree = treeOf(text, pointer)
  const hasComma = hasTrailingComma(tree)
  let edited: string
  try {
    edited = added(text, tree, after, splitPointer(pointer), hasComma) ?? updated(text, after, hasComma)
  } catch (thrown) {
    throw refused(pointer, messageOf(thrown))
  }
  return verified(withLineEnds(text, edited), after, pointer)
}

/** The text with a value that it says already replaced. */
function updated(text: string, after: unknown, hasComma: boolean): string {
  return jju.update(text, after, { mode: 'json5', no_trailing_comma: !hasComma })
}

/** The text with the value at some keys added behind its neighbours; nothing where one stands there already. */
function added(
  text: string,
  tree: DocumentNode,
  after: unknown,
  keys: readonly string[],
  hasTrailingComma: boolean,
): string | undefined {
  let node = tree.body
  let value = after
  for (const key of keys) {
    const items = itemsOf(node)
    const isList = Array.isArray(value)
    const at = isList && key === '-' ? String(items.length) : key
    value = Object(value)[at] as unknown
    const found = items.findLast((one) => one.key === at)?.value
    if (found === undefined) {
      const into = { ...rangeOf(node), items }
      return insertItem(text, tree, into, { key: isList ? undefined : key, value, hasTrailingComma })
    }
    node = found
  }
  return undefined
}

/** Whether a list or an object ends with a comma. The editor by itself takes every comma before an object for one. */
function hasTrailingComma({ tokens = [] }: DocumentNode): boolean {
  const types = tokens.map(({ type }) => type).filter((type) => !/Comment$/.test(type))
  return types.some((type, at) => type === 'Comma' && /^R(Brace|Bracket)$/.test(types[at + 1] ?? ''))
}

/** The first key anywhere in a value that objects have by themselves, such as `constructor`. */
function inheritedName(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, member] of Object.entries(value)) {
    const found = key in Object.prototype ? key : inheritedName(member)
    if (found !== undefined) return found
  }
  return undefined
}

/** An edited text whose new lines end as all the old ones do; a text that mixes both stays mixed. */
function withLineEnds(before: string, edited: string): string {
  const isWindows = before.includes('\r\n') && !/(?<!\r)\n/.test(before)
  return isWindows ? edited.replace(/(?<!\r)\n/g, '\r\n') : edited
}

/**
 * Removes the element of a list, or the member of an object, at a JSON pointer of a JSON5 text. Comments around it
 * stay.
 *
 * @throws CcrError `CCR_CONFIG_EDIT` when there is none, or the text cannot be edited that way
 */
export function removeFromConfig(text: string, pointer: string): string {
  const keys = splitPointer(pointer)
  const after = without(read(text), keys, pointer)
  const tree = treeOf(text, pointer)
  const parent = nodeAt(tree.body, keys.slice(0, -1))
  const found = parent && itemsOf(parent).find(({ key }) => key === keys.at(-1))
  if (found === undefined) throw refused(pointer, 'there is no such value')
  return verified(cut(text, tree, found), after, pointer)
}

/** Takes out one item with the comma that belongs to it, and their lines where nothing else is on them. */
function cut(text: string, { tokens = [] }: DocumentNode, item: Range): string {
  const ranges = tokens
    .filter(({ type }) => !/Comment$/.test(type))
    .map(({ type, loc }) => ({ type, start: loc.start.offset, end: loc.end.offset }))
  const next = ranges.find(({ start }) => start >= item.end)
  const previous = ranges.findLast(({ end }) => end <= item.start)
  const comma = next?.type === 'Comma' ? next : previous?.type === 'Comma' ? previous : undefined
  const parts =
    comma === next && comma !== undefined && isBlank(text.slice(item.end, comma.start))
      ? [{ start: item.start, end: comma.end }]
      : [item, ...(comma === undefined ? [] : [comma])]
  return parts
    .toSorted((one, other) => other.start - one.start)
    .map((part) => wholeLines(text, part))
    .reduce((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text)
}

/** The lines of a range when nothing else is on them, else the range with the blanks behind it. */
function wholeLines(text: string, { start, end }: Range): Range {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  const lineEnd = text.indexOf('\n', end)
  if (lineEnd >= 0 && isBlank(text.slice(lineStart, start)) && isBlank(text.slice(end, lineEnd))) {
    return { start: lineStart, end: lineEnd + 1 }
  }
  return { start, end: end + (/^[ \t]*/.exec(text.slice(end))?.[0].length ?? 0) }
}

function isBlank(text: string): boolean {
  return /^[ \t\r]*$/.test(text)
}

function treeOf(text: string, pointer: string): DocumentNode {
  try {
    return parse(text, { mode: 'json5', tokens: true })
  } catch (thrown) {
    throw refused(pointer, messageOf(thrown))
  }
}

function nodeAt(root: ValueNode, keys: readonly string[]): ValueNode | undefined {
  let node: ValueNode | undefined = root
  for (const key of keys) node = node && itemsOf(node).findLast((one) => one.key === key)?.value
  return node
}

interface Item extends Range {
  readonly key: string
  readonly value: ValueNode
}

/** The elements of a list or the members of an object. */
function itemsOf(node: ValueNode): readonly Item[] {
  switch (node.type) {
    case 'Array':
      return node.elements.map(({ value }, index) => ({ key: String(index), value, ...rangeOf(value) }))
    case 'Object':
      return node.members.map(({ name, value, loc }) => {
        return { key: name.type === 'Identifier' ? name.name : name.value, value, ...rangeOf({ loc }) }
      })
    default:
      return []
  }
}

function rangeOf({ loc }: Pick<ValueNode, 'loc'>): Range {
  return { start: loc.start.offset, end: loc.end.offset }
}

/** A copy with the value at some keys replaced. */
function withValue(from: unknown, keys: readonly string[], value: unknown, pointer: string): unknown {
  const [key, ...rest] = keys
  if (key === undefined) return value
  if (Array.isArray(from)) {
    const index = key === '-' ? from.length : Number(key)
    if (!Number.isInteger(index) || index < 0 || index > from.length) throw refused(pointer, 'there is no such place')
    const copy: unknown[] = [...(from as readonly unknown[])]
    copy[index] = withValue(copy[index], rest, value, pointer)
    return copy
  }
  if (from === undefined)
    return key === '-' ? [withValue(undefined, rest, value, pointer)] : withValue({}, keys, value, pointer)
  if (!isPlainObject(from)) throw refused(pointer, 'what stands there holds no other values')
  return { ...from, [key]: withValue(Object.hasOwn(from, key) ? from[key] : undefined, rest, value, pointer) }
}

function without(from: unknown, keys: readonly string[], pointer: string): unknown {
  const [key, ...rest] = keys
  if (key === undefined || typeof from !== 'object' || from === null || !Object.hasOwn(from, key)) {
    throw refused(pointer, 'there is no such value')
  }
  if (Array.isArray(from)) {
    const items: readonly unknown[] = from
    const index = Number(key)
    return rest.length === 0
      ? items.filter((_, at) => at !== index)
      : items.map((item, at) => (at === index ? without(item, rest, pointer) : item))
  }
  const { [key]: inner, ...others } = from as Readonly<Record<string, unknown>>
  return rest.length === 0 ? others : { ...(from as object), [key]: without(inner, rest, pointer) }
}

function read(text: string): unknown {
  try {
    return JSON5.parse(text)
  } catch (thrown) {
    throw refused('', messageOf(thrown))
  }
}

/** Whatever an editor does, the file says afterwards what was asked for. */
function verified(edited: string, wanted: unknown, pointer: string): string {
  if (isDeepStrictEqual(read(edited), wanted)) return edited
  throw refused(pointer, 'the text around it is written in a way that cannot be edited safely')
}

function refused(pointer: string, fact: string): CcrError {
  const place = pointer === '' ? 'the config' : `${pointer} of the config`
  return new CcrError('CCR_CONFIG_EDIT', `${place} cannot be changed by a command: ${fact}. Edit the file by hand.`)
}
