import { isObject, writeJson } from '@ccr/sdk'
import type { CanonicalEvent } from '@ccr/sdk'

/** A block start that may be passed on unread: it has an id of its own, and no arguments. */
const ID = /"id"\s*:\s*"([^"\\]+)"/
const HAS_ARGUMENTS = /"input"\s*:\s*\{\s*[^\s}]/
const CALLS: ReadonlySet<string> = new Set(['tool_use', 'server_tool_use', 'mcp_tool_use'])

/**
 * Some compatible servers begin a call with all its arguments, where clients read them from deltas alone, without an
 * id or with that of another call. Such a call gets an id, and its arguments as one delta, unless deltas that follow
 * bring some.
 */
export class GivenCalls {
  readonly #newId: (prefix: string) => string
  /** Those of the open call, as JSON. */
  #given: string | undefined
  readonly #ids = new Set<unknown>()

  constructor(newId: (prefix: string) => string) {
    this.#newId = newId
  }

  /** Arguments are held, so that deltas must be read whole. */
  get busy(): boolean {
    return this.#given !== undefined
  }

  /** Whether the block start of a type, whose data is JSON, has to be read whole. */
  concerns(type: string, data: string): boolean {
    if (!CALLS.has(type)) return false
    const id = data.indexOf('"id"') === data.lastIndexOf('"id"') ? ID.exec(data)?.[1] : undefined
    if (id === undefined || this.#ids.has(id) || HAS_ARGUMENTS.test(data)) return true
    this.#ids.add(id)
    return false
  }

  /** The events that this one stands for, itself the last; nothing when it stands for itself. Blocks are in a row. */
  unfold(event: CanonicalEvent): readonly CanonicalEvent[] | undefined {
    switch (event.type) {
      case 'content_block_start':
        return this.#start(event)
      case 'content_block_delta': {
        const { delta } = event
        if (delta?.type === 'input_json_delta' && delta.partial_json) this.#given = undefined
        return undefined
      }
      case 'content_block_stop': {
        const partial_json = this.#given
        this.#given = undefined
        if (partial_json === undefined) return undefined
        return [
          { type: 'content_block_delta', index: event.index, delta: { type: 'input_json_delta', partial_json } },
          event,
        ]
      }
      default:
        return undefined
    }
  }

  #start(event: Extract<CanonicalEvent, { type: 'content_block_start' }>): readonly CanonicalEvent[] | undefined {
    this.#given = undefined
    const block = event.content_block as { readonly type: string; readonly id?: unknown; readonly input?: unknown }
    if (!CALLS.has(block?.type)) return undefined
    const { id, input } = block
    const nameless = block.type === 'tool_use' && (typeof id !== 'string' || id === '' || this.#ids.has(id))
    this.#ids.add(id)
    const isGiven = isObject(input) && Object.keys(input).length > 0
    if (!nameless && !isGiven) return undefined
    if (isGiven) this.#given = writeJson(input)
    const made = nameless ? { id: this.#newId('toolu_') } : {}
    return [{ ...event, content_block: { ...block, ...made, ...(isGiven && { input: {} }) } }]
  }
}
