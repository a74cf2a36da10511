import { CcrError, tokenParts, type CanonicalRequest, type Target } from '@ccr/sdk'
import type { RequestFormat } from './settings.ts'

/** What is asked. */
export interface Question {
  /** JSON. */
  readonly body: string
  /** Tokens that the question says nothing about, such as those of images where text alone is sent. */
  readonly beside: number
}

/** The fields of a request that a model reads. */
const READ = ['system', 'messages', 'tools', 'tool_choice', 'thinking'] as const

/**
 * Asks how many tokens a request has for a target.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` for a request that cannot be written as JSON, such as one nested too deeply
 */
export function questionOf(request: CanonicalRequest, target: Target, format: RequestFormat): Question {
  try {
    return written(request, target, format)
  } catch (cause) {
    throw new CcrError('CCR_REQUEST_INVALID', 'the request cannot be written as JSON', { cause })
  }
}

function written(request: CanonicalRequest, { model }: Target, format: RequestFormat): Question {
  if (format === 'standard' || format === 'anthropic') {
    const read = READ.flatMap((name) => (request[name] === undefined ? [] : [[name, request[name]] as const]))
    return { body: JSON.stringify({ model, ...Object.fromEntries(read) }), beside: 0 }
  }
  const { text, beside } = textOf(request)
  return { body: JSON.stringify(format === 'openai' ? { model, input: text } : { text }), beside }
}

function textOf(request: CanonicalRequest): { readonly text: string; readonly beside: number } {
  const texts: string[] = []
  let beside = 0
  for (const part of [...tokenParts(request)].flat()) {
    if (typeof part === 'number') beside += part
    else texts.push(typeof part === 'string' ? part : ((JSON.stringify(part.json) as string | undefined) ?? ''))
  }
  return { text: texts.filter((text) => text !== '').join('\n'), beside }
}
