import type { Tool } from '@ccr/sdk'
import { fieldsOf, listOf, textOf, type Fields } from './wire.ts'

/** Key of this dialect in `canonical.extra`, and its name. */
export const DIALECT = 'openai-responses'

/** The canonical name of a function that stands in a namespace. */
export function namespacedName(namespace: string, name: string): string {
  return `${namespace}__${name}`
}

/** A choice among some of the tools; a target that knows such choices sees them all, so that prompts stay cached. */
export function isAllowedChoice(choice: unknown): boolean {
  return fieldsOf(choice)['type'] === 'allowed_tools'
}

/** What a canonical tool of a client of this dialect was on its wire. */
export interface OwnTool {
  readonly kind: 'function' | 'custom' | 'search'
  /** Its own name. */
  readonly name: string
  readonly namespace?: string | undefined
  /** The entry of the client's tool list it came from. */
  readonly wire: Fields
}

/** The canonical form of a client's tools: what other targets are told, and what becomes of it on this wire. */
export interface OwnTools {
  readonly tools: readonly Tool[]
  /** By canonical name. */
  readonly byName: ReadonlyMap<string, OwnTool>
  /** Tools that only targets of this dialect can run. */
  readonly hosted: readonly Fields[]
}

/**
 * Functions stay functions, those of a namespace with its name before theirs; a custom tool becomes a function of one
 * string; a web search the canonical one; what else the provider runs by itself is left to targets of this dialect.
 */
export function readTools(list: unknown): OwnTools {
  const tools: Tool[] = []
  const byName = new Map<string, OwnTool>()
  const hosted: Fields[] = []
  const add = (tool: Tool, own: Omit<OwnTool, 'wire'>, wire: Fields): void => {
    tools.push(tool)
    byName.set(tool.name, { ...own, wire })
  }
  for (const entry of listOf(list)) {
    const wire = fieldsOf(entry)
    const type = textOf(wire['type'])
    const inner = type === 'namespace' ? listOf(wire['tools']).map(fieldsOf) : [wire]
    const namespace = type === 'namespace' ? textOf(wire['name']) : undefined
    for (const fields of inner) {
      const name = textOf(fields['name'])
      const canonical = namespace === undefined ? name : namespacedName(namespace, name)
      if (fields['type'] === 'function') add(toFunction(canonical, fields), { kind: 'function', name, namespace }, wire)
      else if (fields['type'] === 'custom')
        add(toFreeText(canonical, fields), { kind: 'custom', name, namespace }, wire)
      else if (/^web_search/.test(type)) add(toSearch(wire), { kind: 'search', name: 'web_search' }, wire)
      else hosted.push(wire)
    }
  }
  return { tools, byName, hosted }
}

function toFunction(name: string, { description, parameters, strict }: Fields): Tool {
  return {
    name,
    ...(typeof description === 'string' && { description }),
    input_schema: { type: 'object', properties: {}, ...fieldsOf(parameters) },
    // Strict is what some providers do by default, so only the wish for it is worth carrying.
    ...(strict === true && { strict }),
  }
}

function toFreeText(name: string, { description, format }: Fields): Tool {
  const { type, syntax, definition } = fieldsOf(format)
  const rule = type === 'grammar' ? `It must match this ${textOf(syntax)} grammar:\n${textOf(definition)}` : ''
  return {
    name,
    ...(typeof description === 'string' && { description }),
    input_schema: {
      type: 'object',
      properties: { input: { type: 'string', description: `The whole input as free text. ${rule}`.trim() } },
      required: ['input'],
      additionalProperties: false,
    },
  }
}

function toSearch({ filters, user_location }: Fields): Tool {
  const domains = fieldsOf(filters)['allowed_domains']
  return {
    type: 'web_search_20250305',
    name: 'web_search',
    ...(Array.isArray(domains) && { allowed_domains: domains as unknown }),
    ...(typeof user_location === 'object' && user_location !== null && { user_location: fieldsOf(user_location) }),
  }
}
