import type { CanonicalEvent } from '@ccr/sdk'

/** What becomes of an event: it stays, it goes, or the block of this index has to stop before it. */
export type Fit = 'keep' | 'drop' | number

/**
 * Some compatible servers begin a block before they end the one before it, and end that one when the answer ends
 * (llama.cpp does so with thinking). Clients refuse it, so the older block stops where the newer one begins, and what
 * comes for it afterwards, its stop and an empty signature, is dropped. Anything else for it is left for the validator.
 * Of several `message_start` the first one counts.
 */
export class Sequencer {
  #started = false
  #open: number | undefined
  /** Blocks that were stopped here, whose own stop is still to come. */
  readonly #stopped = new Set<number>()

  /** Some blocks were stopped here, so that deltas must be read whole. */
  get busy(): boolean {
    return this.#stopped.size > 0
  }

  fit(event: CanonicalEvent): Fit {
    switch (event.type) {
      case 'message_start': {
        const again = this.#started
        this.#started = true
        return again ? 'drop' : 'keep'
      }
      case 'content_block_start': {
        const older = this.#open
        this.#open = event.index
        if (older === undefined || older === event.index) return 'keep'
        this.#stopped.add(older)
        return older
      }
      case 'content_block_delta': {
        if (this.#stopped.size === 0 || !this.#stopped.has(event.index)) return 'keep'
        const { delta } = event
        return delta?.type === 'signature_delta' && delta.signature === '' ? 'drop' : 'keep'
      }
      case 'content_block_stop':
        if (this.#stopped.delete(event.index)) return 'drop'
        this.#open = undefined
        return 'keep'
      default:
        return 'keep'
    }
  }
}
