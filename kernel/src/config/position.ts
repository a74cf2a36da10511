import { parse, type ValueNode } from '@humanwhocodes/momoa'
import { splitPointer } from './pointer.ts'

/** A place in a text; both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/**
 * Finds where values stand in a JSON5 text. For a pointer that leads nowhere it gives the innermost value on the way,
 * and nothing when the text has no tree.
 */
export function createLocator(text: string): (pointer: string) => Position | undefined {
  let root: ValueNode | undefined | null = null
  return (pointer) => {
    root ??= parseTree(text)
    if (root === undefined) return undefined
    let node = root
    for (const key of splitPointer(pointer)) {
      const next = child(node, key)
      if (next === undefined) break
      node = next
    }
    return { line: node.loc.start.line, column: node.loc.start.column }
  }
}

function parseTree(text: string): ValueNode | undefined {
  try {
    return parse(text, { mode: 'json5' }).body
  } catch {
    // The text was parsed by another parser before; without a tree an error names the file alone.
    return undefined
  }
}

function child(node: ValueNode, key: string): ValueNode | undefined {
  if (node.type === 'Array') return /^\d+$/.test(key) ? node.elements[Number(key)]?.value : undefined
  if (node.type !== 'Object') return undefined
  // Of a repeated key the last one counts.
  return node.members.findLast(({ name }) => (name.type === 'Identifier' ? name.name : name.value) === key)?.value
}
