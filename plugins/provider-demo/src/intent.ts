import type { CanonicalRequest, JsonObject, Tool } from '@ccr/sdk'
import { fillSchema, isPathName } from './fill.ts'
import { findArguments, lastResults, textOf, userWords, withoutReminders, type Findings } from './words.ts'

/** What a request wants of the model. */
export type Intent =
  /** A JSON text of the client's own shape, such as a title. */
  | { readonly type: 'json'; readonly value: unknown }
  /** A tool has answered. */
  | { readonly type: 'result'; readonly text: string; readonly failed: boolean }
  | { readonly type: 'call'; readonly tool: string; readonly input: JsonObject }
  | { readonly type: 'talk'; readonly words: string }

/** Reads what the client asks for, from the shape of the request and the user's own words. */
export function readIntent(request: CanonicalRequest): Intent {
  const words = userWords(request)
  const format = request.output_config?.format as AnswerFormat | null | undefined
  if (format?.type === 'json_schema' && format.schema) {
    const findings = findArguments(words.slice(0, LONGEST_VALUE))
    return { type: 'json', value: fillSchema(format.schema, findings, { literal: false }) ?? {} }
  }
  const results = lastResults(request)
  if (results.length > 0) {
    const text = results.map((result) => withoutReminders(textOf(result.content))).join('\n')
    return { type: 'result', text, failed: results.some((result) => result.is_error === true) }
  }
  return callIntent(request, words) ?? { type: 'talk', words }
}

/** Whether the request allows reasoning and asks for it: always with a budget, else by the user's words. */
export function wantsThinking(request: CanonicalRequest): boolean {
  const type = request.thinking?.type
  if (type === 'enabled') return true
  return type === 'adaptive' && /\b(?:ultra)?think|\breason|\bstep[- ]by[- ]step\b/i.test(userWords(request))
}

interface AnswerFormat {
  readonly type?: unknown
  readonly schema?: JsonObject
}

/** A title is not a page. */
const LONGEST_VALUE = 80

/** Longer texts, such as instructions and pasted pages, name tools without asking for them. */
const LONGEST_ORDER = 1000

function callIntent(request: CanonicalRequest, words: string): Intent | undefined {
  const choice = request.tool_choice?.type
  if (choice === 'none') return undefined
  // Tools of the provider itself have no schema, and a deferred one must be loaded before it may be called.
  const callable = (tool: Tool): boolean => Boolean(tool.name && tool.input_schema) && tool.defer_loading !== true
  const offered = (request.tools ?? []).filter(callable)
  const findings = findArguments(words.slice(0, LONGEST_ORDER))
  const forced = request.tool_choice?.type === 'tool' ? request.tool_choice.name : undefined
  if (forced !== undefined)
    return firstCall(
      offered.filter((tool) => tool.name === forced),
      findings,
      false,
    )
  const wanted = words.length > LONGEST_ORDER ? [] : [...namedTools(offered, words), ...readers(offered, findings)]
  return firstCall(wanted, findings, true) ?? (choice === 'any' ? firstCall(offered, findings, false) : undefined)
}

function firstCall(tools: readonly Tool[], findings: Findings, literal: boolean): Intent | undefined {
  for (const tool of tools) {
    const input = fillSchema({ type: 'object', ...tool.input_schema }, findings, { literal })
    if (input !== undefined) return { type: 'call', tool: tool.name, input: input as JsonObject }
  }
  return undefined
}

/** Tools that the words name, in their order: as they are spelled, or in any case as `use X` and `X tool`. */
function namedTools(tools: readonly Tool[], words: string): readonly Tool[] {
  const places = tools.map((tool) => {
    const name = `(?<![\\w-])${tool.name.replaceAll(/[^\w]/g, '\\$&')}(?![\\w-])`
    const order = new RegExp(`\\b(?:use|call)\\s+(?:the\\s+)?${name}|${name}\\s+tool\\b`, 'i')
    const found = [words.search(new RegExp(name)), words.search(order)].filter((place) => place >= 0)
    return { tool, place: Math.min(...found) }
  })
  return places
    .filter(({ place }) => place !== Infinity)
    .sort((a, b) => a.place - b.place)
    .map(({ tool }) => tool)
}

/** Tools that could read the file which the words ask to read: those that say so, then those that only need a path. */
function readers(tools: readonly Tool[], findings: Findings): readonly Tool[] {
  if (findings.paths.length === 0 || !/\b(?:read|open|show|print|cat)\b/i.test(findings.text)) return []
  const takesPath = tools.filter((tool) => requiredOf(tool).some(isPathName))
  const says = takesPath.filter((tool) => /read|view|open|cat/i.test(tool.name))
  return [...says, ...takesPath.filter((tool) => !says.includes(tool) && requiredOf(tool).length === 1)]
}

function requiredOf(tool: Tool): readonly string[] {
  const required = tool.input_schema?.['required']
  return Array.isArray(required) ? required.filter((name) => typeof name === 'string') : []
}
