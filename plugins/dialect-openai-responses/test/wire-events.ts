import type { Fields, ResponsesEvent } from '../src/wire.ts'

/** Events of a stream as OpenAI sends them, for tests that say only what they are about. */

export const created: ResponsesEvent = {
  type: 'response.created',
  response: { id: 'resp_1', status: 'in_progress', output: [] },
}

export function added(output_index: number, item: Fields): ResponsesEvent {
  return { type: 'response.output_item.added', output_index, item }
}

export function done(output_index: number, item: Fields): ResponsesEvent {
  return { type: 'response.output_item.done', output_index, item }
}

export function completed(rest: Fields = {}): ResponsesEvent {
  return { type: 'response.completed', response: { status: 'completed', ...rest } }
}

export function incomplete(reason: string, rest: Fields = {}): ResponsesEvent {
  const response = { status: 'incomplete', incomplete_details: { reason }, ...rest }
  return { type: 'response.incomplete', response }
}

export const text = (index: number, delta: string): ResponsesEvent => ({
  type: 'response.output_text.delta',
  item_id: `item_${index}`,
  output_index: index,
  content_index: 0,
  delta,
})

export const summary = (index: number, delta: string, summary_index = 0): ResponsesEvent => ({
  type: 'response.reasoning_summary_text.delta',
  item_id: `item_${index}`,
  output_index: index,
  summary_index,
  delta,
})

export const args = (index: number, delta: string): ResponsesEvent => ({
  type: 'response.function_call_arguments.delta',
  item_id: `item_${index}`,
  output_index: index,
  delta,
})

export function message(index: number, ...texts: readonly string[]): Fields {
  const content = texts.map((part) => ({ type: 'output_text', text: part, annotations: [] }))
  return { type: 'message', id: `item_${index}`, role: 'assistant', status: 'completed', content }
}

export function reasoning(index: number, summaries: readonly string[], encrypted?: string): Fields {
  return {
    type: 'reasoning',
    id: `item_${index}`,
    summary: summaries.map((part) => ({ type: 'summary_text', text: part })),
    ...(encrypted !== undefined && { encrypted_content: encrypted }),
  }
}

export function call(index: number, name: string, given: string, status = 'completed'): Fields {
  return { type: 'function_call', id: `item_${index}`, call_id: `call_${index}`, name, arguments: given, status }
}
