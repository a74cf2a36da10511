import type { CanonicalRequest, JsonObject } from '@ccr/sdk'
import type { Trait } from './adapt.ts'

/** The dialect's name, and that of its fields in `extra`. */
export const DIALECT = 'openai'

/**
 * The fields of a Chat Completions client that the canonical form has no place for, as the client sent them; nothing
 * for a client of another protocol.
 */
export function chatFields(request: CanonicalRequest): JsonObject | undefined {
  const fields = request.extra?.[DIALECT]
  return typeof fields === 'object' && fields !== null ? (fields as JsonObject) : undefined
}

/** Whether a client of this protocol asked for the chunk that holds the usage. */
export function wantsUsage(request: CanonicalRequest): boolean {
  const options = chatFields(request)?.['stream_options'] as { include_usage?: unknown } | null | undefined
  return options?.include_usage === true
}

/** Writes back what a client of this protocol asked for, unless the canonical request says something else by now. */
export function restoreFields(
  body: Record<string, unknown>,
  fields: JsonObject,
  request: CanonicalRequest,
  refused: ReadonlySet<Trait>,
): void {
  for (const field in fields) {
    const value = fields[field]
    switch (field) {
      // The router reads the usage of every stream; other options would change what it reads.
      case 'stream_options':
        break
      case 'max_completion_tokens':
        if (body['max_tokens'] !== undefined) body['max_completion_tokens'] = body['max_tokens']
        delete body['max_tokens']
        break
      case 'reasoning_effort':
        if (!refused.has(field) && stillAsked(request, value)) body[field] = value
        break
      case 'response_format':
        if (!refused.has(field) && sameFormat(request, value)) body[field] = value
        break
      default:
        if (!Object.hasOwn(body, field)) body[field] = value
    }
  }
}

/** The canonical words for an effort that it does not know. */
export const NEAREST_EFFORT: ReadonlyMap<unknown, string> = new Map([['minimal', 'low']])

function stillAsked({ thinking, output_config }: CanonicalRequest, effort: unknown): boolean {
  if (effort === 'none') return thinking?.type === 'disabled'
  return thinking?.type === 'adaptive' && output_config?.effort === NEAREST_EFFORT.get(effort)
}

/** Whether the answer is to have the form that the client named, which has a name and options that only it knows. */
function sameFormat({ output_config }: CanonicalRequest, format: unknown): boolean {
  const { json_schema } = format as { readonly json_schema?: { readonly schema?: unknown } | null }
  const asked = output_config?.format as { readonly schema?: unknown } | null | undefined
  return asked?.schema === json_schema?.schema
}
