import type { Tool } from '@ccr/sdk'
import { isFields, type Fields, type Part } from './wire.ts'

/**
 * What only this API can say of media and functions travels on them under symbols: JSON leaves them out, so that no
 * other target ever sees them, and a handler that copies a block or a tool keeps them. Media has them on its source, so
 * that they go with it when another image takes its place.
 */
const PART = Symbol.for('ccr.gemini.part')
const DECLARED = Symbol.for('ccr.gemini.declared')

/** The source of a block, with the part it came from where the part says more. */
export function withPart(source: Fields, part: Fields): Fields {
  const own = camelCased(part)
  for (const kind of ['inlineData', 'fileData']) if (isFields(own[kind])) own[kind] = camelCased(own[kind])
  const { inlineData, fileData, ...rest } = own
  const { mimeType, data: _data, fileUri: _uri, ...more } = (inlineData ?? fileData) as Fields
  // The canonical address of an image has no type.
  const isTyped = mimeType !== undefined && source['media_type'] !== undefined
  const isSaid = isTyped && Object.keys(rest).length === 0 && Object.keys(more).length === 0
  return isSaid ? source : { ...source, [PART]: own }
}

/** The part that a source came from, where {@link withPart} kept it. */
export function partOf(source: object): Part | undefined {
  return (source as { readonly [PART]?: Part })[PART]
}

/** The tool that a function was declared as, with what else was said of it. */
export function withDeclared(tool: Tool, declared: Fields): Tool {
  const { name: _n, description: _d, parameters: _p, parametersJsonSchema: _s, ...rest } = camelCased(declared)
  return Object.keys(rest).length === 0 ? tool : ({ ...tool, [DECLARED]: rest } as Tool)
}

/** What {@link withDeclared} kept of a function. */
export function declaredOf(tool: Tool): Fields | undefined {
  return (tool as { readonly [DECLARED]?: Fields })[DECLARED]
}

/** Fields under their names in JSON; they may come under those of the API's own definitions. */
function camelCased(fields: Fields): Record<string, unknown> {
  const entries = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)
  const named = entries.map(([name, value]): [string, unknown] => [
    name.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase()),
    value,
  ])
  return Object.fromEntries(named)
}
