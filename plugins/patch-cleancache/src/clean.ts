import { isObject, type CanonicalRequest, type JsonObject } from '@ccr/sdk'

/**
 * What holds the blocks that may be marked: messages, tools, results and documents among them. What a tool is given,
 * and the schema of that, may have a field of the same name, which is none.
 * Source: https://docs.anthropic.com/en/api/messages
 */
const HOLDERS: ReadonlySet<string> = new Set(['system', 'messages', 'tools', 'content', 'source'])

/** The request without any `cache_control`; the very request when there is none. */
export function withoutCacheControl(request: CanonicalRequest): CanonicalRequest {
  return cleaned(request) as CanonicalRequest
}

function cleaned(value: unknown): unknown {
  if (Array.isArray(value)) {
    const kept = (value as readonly unknown[]).map(cleaned)
    return kept.every((item, index) => item === value[index]) ? value : kept
  }
  return isObject(value) ? cleanedFields(value) : value
}

function cleanedFields(fields: JsonObject): JsonObject {
  let kept: Record<string, unknown> | undefined
  for (const key of Object.keys(fields)) {
    if (key === 'cache_control') delete (kept ??= { ...fields })[key]
    else if (HOLDERS.has(key)) {
      const inner = cleaned(fields[key])
      if (inner !== fields[key]) (kept ??= { ...fields })[key] = inner
    }
  }
  return kept ?? fields
}
