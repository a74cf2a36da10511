import type { CallDelta } from './wire.ts'

/** Whether the arguments of the call of this key are complete. */
type IsComplete = (key: string) => boolean

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

  keyOf(call: CallDelta, given: string | undefined, position: number, isComplete: IsComplete): string {
    const id = given || undefined
    const index = typeof call.index === 'number' ? call.index : undefined
    const slot =
      index === undefined
        ? this.#unnumbered(call, id, position, isComplete)
        : this.#numbered(call, id, index, isComplete)
    if (id !== undefined && slot.id === undefined) {
      slot.id = id
      this.#byId.set(id, slot)
    }
    this.#last = slot
    return slot.key
  }

  #numbered(call: CallDelta, id: string | undefined, index: number, isComplete: IsComplete): Slot {
    const slot = this.#slots.get(index)
    if (slot && !isAnother(slot, call, id, isComplete)) return slot
    // An index that changes its id may come back to an id it had before.
    const known = id === undefined ? undefined : this.#byId.get(id)
    const next = slot && known ? known : this.#add()
    this.#slots.set(index, next)
    return next
  }

  #unnumbered(call: CallDelta, id: string | undefined, position: number, isComplete: IsComplete): Slot {
    // Named entries of one list are as many calls.
    if (position > 0 && call.function?.name) return this.#add()
    const known = id === undefined ? undefined : this.#byId.get(id)
    if (known && !isAnother(known, call, id, isComplete)) return known
    if (id === undefined && this.#last && !isAnother(this.#last, call, id, isComplete)) return this.#last
    return this.#add()
  }

  #add(): Slot {
    return { key: `call ${this.#count++}`, id: undefined }
  }
}

/** A fragment with another id, or a named one with arguments after complete arguments, begins another call. */
function isAnother(slot: Slot, call: CallDelta, id: string | undefined, isComplete: IsComplete): boolean {
  if (id !== undefined && slot.id !== undefined && id !== slot.id) return true
  return !!call.function?.name && hasArguments(call) && isComplete(slot.key)
}

function hasArguments(call: CallDelta): boolean {
  const given = call.function?.arguments
  return typeof given === 'string' ? given.trim() !== '' : given !== undefined && given !== null
}
