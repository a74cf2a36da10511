import { sign, signDetails } from '../src/reasoning.ts'

/** A delta that holds these calls. */
export const calls = (...list: readonly object[]): object => ({ tool_calls: list })

/** A fragment of a call, or a whole one. */
export const part = (index: number | undefined, fn: object, id?: string): object => ({
  ...(index === undefined ? {} : { index }),
  ...(id === undefined ? {} : { id }),
  type: 'function',
  function: fn,
})

/** The block that reasoning becomes. */
export const thought = (thinking: string, field: 'reasoning_content' | 'reasoning' = 'reasoning_content'): object => ({
  type: 'thinking',
  thinking,
  signature: sign('local', field),
})

/** The block that reasoning with details becomes. */
export const detailed = (thinking: string, details: readonly Readonly<Record<string, unknown>>[]): object => ({
  type: 'thinking',
  thinking,
  signature: signDetails('local', thinking, details),
})

export const text = (value: string): object => ({ type: 'text', text: value })

export const tool = (id: string, name: string, input: object = {}): object => ({ type: 'tool_use', id, name, input })

/** The usage of a chunk. */
export const counts = (prompt: number, completion: number, details: object = {}): object => ({
  usage: { prompt_tokens: prompt, completion_tokens: completion, prompt_tokens_details: details },
})
