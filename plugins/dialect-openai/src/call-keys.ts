import type { MessageWriter } from '@ccr/sdk'
import type { CallDelta } from './wire.ts'

interface Slot {
  key: string
  id: string | undefined
}

/**
 * Says which call a fragment belongs to. Servers number their calls, or do not; they give all calls the same index, or
 * leave out the id of all but the first fragment.
 */
export class CallKeys {
  readonly #slots = new Map<number, Slot>()
  readonly #byId = new Map<string, Slot>()
  #last: Slot | undefined
  #count = 0

  keyOf(call: CallDelta, given: string | undefined, position: number, writer: MessageWriter): string {
    const id = given || undefined
    const index = typeof call.index === 'number' ? call.index : undefined
    const slot =
      index === undefined ? this.#unnumbered(call, id, position, writer) : this.#numbered(call, id, index, writer)
    if (id !== undefined && slot.id === undefined) {
      slot.id = id
      this.#byId.set(id, slot)
    }
    this.#last = slot
    return slot.key
  }

  #numbered(call: CallDelta, id: string | undefined, index: number, writer: MessageWriter): Slot {
    const slot = this.#slots.get(index)
    if (slot && !isAnother(slot, call, id, writer)) return slot
    // An index that changes its id may come back to an id it had before.
    const known = id === undefined ? undefined : this.#byId.get(id)
    const next = slot && known ? known : this.#add()
    this.#slots.set(index, next)
    return next
  }

  #unnumbered(call: CallDelta, id: string | undefined, position: number, writer: MessageWriter): Slot {
    // Named entries of one list are as many calls.
    if (position > 0 && call.function?.name) return this.#add()
    const known = id === undefined ? undefined : this.#byId.get(id)
    if (known && !isAnother(known, call, id, writer)) return known
    if (id === undefined && this.#last && !isAnother(this.#last, call, id, writer)) return this.#last
    return this.#add()
  }

  #add(): Slot {
    return { key: `call ${this.#count++}`, id: undefined }
  }
}

/** A fragment with another id, or a named one with arguments after complete arguments, begins another call. */
function isAnother(slot: Slot, call: CallDelta, id: string | undefined, writer: MessageWriter): boolean {
  if (id !== undefined && slot.id !== undefined && id !== slot.id) return true
  return !!call.function?.name && hasArguments(call) && writer.isComplete(slot.key)
}

function hasArguments(call: CallDelta): boolean {
  const given = call.function?.arguments
  return typeof given === 'string' ? given.trim() !== '' : given !== undefined && given !== null
}
