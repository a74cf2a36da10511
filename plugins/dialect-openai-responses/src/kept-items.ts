import { parseObject, writeJson } from '@ccr/sdk'
import { textOf, type Fields } from './wire.ts'

/** Most items kept, and most characters of them; beyond either the one that was longest not asked for is forgotten. */
const MAX_ITEMS = 10_000
const MAX_CHARACTERS = 16 * 1024 * 1024

/**
 * Output items of answers by their ids, which nobody can guess. Some libraries refer to them (`item_reference`) instead
 * of sending them back, unless they were told `store: false`, and are lost in the second step of a tool loop without.
 */
export class KeptItems {
  readonly #kept = new Map<string, string>()
  #characters = 0

  keep(item: Fields): void {
    const id = textOf(item['id'])
    const text = writeJson(item)
    if (id === '' || text.length > MAX_CHARACTERS) return
    this.#forget(id)
    this.#kept.set(id, text)
    this.#characters += text.length
    while (this.#kept.size > MAX_ITEMS || this.#characters > MAX_CHARACTERS)
      this.#forget(this.#kept.keys().next().value!)
  }

  find(id: string): Fields | undefined {
    const text = this.#kept.get(id)
    if (text === undefined) return undefined
    this.#kept.delete(id)
    this.#kept.set(id, text)
    return parseObject(text)
  }

  #forget(id: string): void {
    this.#characters -= this.#kept.get(id)?.length ?? 0
    this.#kept.delete(id)
  }
}
