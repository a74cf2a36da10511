import type { CanonicalEvent } from '@ccr/sdk'
import { Validator } from '@ccr/sdk/kernel'

/** What is wrong with a stream of canonical events, by the kernel's own validator and by what only the end shows. */
export function faultsOf(events: readonly CanonicalEvent[], complete = true): string[] {
  const validator = new Validator()
  const faults: string[] = []
  const json = new Map<number, string>()
  for (const event of events) {
    try {
      validator.check(event)
    } catch (thrown) {
      return [...faults, (thrown as Error).message]
    }
    if (event.type === 'content_block_start' && event.content_block.type === 'tool_use') json.set(event.index, '')
    if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta' && json.has(event.index))
      json.set(event.index, json.get(event.index)! + event.delta.partial_json)
  }
  if (!complete) {
    if (validator.ended) faults.push('it ended')
    return faults
  }
  if (!validator.ended) faults.push('it did not end')
  const last = events.findLast((event) => event.type === 'message_delta')
  const reason = last?.type === 'message_delta' ? last.delta.stop_reason : undefined
  if (reason === 'max_tokens') return faults
  for (const [index, text] of json)
    if (!isObject(text)) faults.push(`I13: the arguments of block ${index} are '${text}'`)
  if (reason !== 'refusal' && (reason === 'tool_use') !== json.size > 0)
    faults.push(`I23, I24: ${reason} with ${json.size} calls`)
  return faults
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}
