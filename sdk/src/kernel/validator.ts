import type { CanonicalEvent } from '../canonical.ts'
import { CcrError } from '../errors.ts'
import { isObject } from '../is-object.ts'

/** Which block a known delta belongs to; deltas and blocks that are not listed pass. */
const BLOCKS_OF_DELTA: ReadonlyMap<string, readonly string[]> = new Map([
  ['text_delta', ['text']],
  ['citations_delta', ['text']],
  ['input_json_delta', ['tool_use', 'server_tool_use', 'mcp_tool_use']],
  ['thinking_delta', ['thinking']],
  ['signature_delta', ['thinking']],
])
const KNOWN_BLOCKS: ReadonlySet<string> = new Set([...BLOCKS_OF_DELTA.values()].flat().concat('redacted_thinking'))

type Phase = 'before' | 'blocks' | 'closing' | 'ended'

/**
 * The last transform of every stream: no order of events leaves the router that it forbids. It reads types and indexes
 * only, so that it can watch frames which are passed on unparsed. The rules' numbers are those of
 * docs/reference/stream.md.
 */
export class Validator {
  #phase: Phase = 'before'
  #next = 0
  #open: string | undefined

  /** A terminal event has passed. */
  get ended(): boolean {
    return this.#phase === 'ended'
  }

  /** @throws CcrError `CCR_STREAM_ORDER` naming the broken rule */
  check(event: CanonicalEvent): void {
    if (this.#phase === 'ended') throw broken('I4', `'${event.type}' after the end`)
    if (event.type === 'ping') return
    if (event.type === 'error') {
      this.#phase = 'ended'
      return
    }
    if (this.#phase === 'before') {
      if (event.type !== 'message_start') throw broken('I6', `'${event.type}' before 'message_start'`)
      if (!isObject(event.message)) throw broken('I7', "'message_start' without a message")
      this.#phase = 'blocks'
      return
    }
    switch (event.type) {
      case 'message_start':
        throw broken('I7', "a second 'message_start'")
      case 'content_block_start':
        return this.#start(event.index, event.content_block?.type)
      case 'content_block_delta':
        return this.#delta(event.index, event.delta?.type)
      case 'content_block_stop':
        if (this.#open === undefined || event.index !== this.#next - 1)
          throw broken('I12', `block ${event.index} stops but is not open`)
        this.#open = undefined
        return
      case 'message_delta':
        if (this.#open !== undefined) throw broken('I14', `'message_delta' while block ${this.#next - 1} is open`)
        this.#phase = 'closing'
        return
      case 'message_stop':
        if (this.#phase !== 'closing') throw broken('I17', "'message_stop' without 'message_delta'")
        this.#phase = 'ended'
        return
      default:
    }
  }

  #start(index: number, type: string | undefined): void {
    if (typeof type !== 'string') throw broken('I11', `block ${index} has no type`)
    if (this.#phase === 'closing') throw broken('I14', `block ${index} starts after 'message_delta'`)
    if (this.#open !== undefined) throw broken('I8', `block ${index} starts while block ${this.#next - 1} is open`)
    if (index !== this.#next) throw broken('I9', `block ${index} starts where ${this.#next} was due`)
    this.#next++
    this.#open = type
  }

  #delta(index: number, type: string | undefined): void {
    if (typeof type !== 'string') throw broken('I11', `a delta of block ${index} has no type`)
    if (this.#open === undefined || index !== this.#next - 1)
      throw broken('I10', `a delta for block ${index}, which is not open`)
    const blocks = BLOCKS_OF_DELTA.get(type)
    if (blocks && KNOWN_BLOCKS.has(this.#open) && !blocks.includes(this.#open))
      throw broken('I11', `'${type}' in a '${this.#open}' block`)
  }
}

function broken(rule: string, fact: string): CcrError {
  return new CcrError('CCR_STREAM_ORDER', `the stream broke rule ${rule}: ${fact}`)
}
