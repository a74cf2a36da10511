import { writeJson } from './json-numbers.ts'
import { parseObject } from './message.ts'

/**
 * The arguments of one tool call as they arrive. It knows when the JSON object is complete without parsing what came
 * before again, so its work is linear however many fragments there are.
 */
export class ToolArguments {
  #text = ''
  #depth = 0
  #inString = false
  #escaped = false
  /** The outermost bracket was closed once; a text that is no object by then will never be one. */
  #balanced = false
  #complete = false
  /** Something followed complete arguments. */
  #overrun = false
  #empty = true
  /** The complete arguments in the router's own spelling, once it was asked for. */
  #plain: string | undefined

  /** Nothing but white space has arrived. */
  get empty(): boolean {
    return this.#empty
  }

  /** The whole text, until it was released. */
  get text(): string {
    return this.#text
  }

  /** The text is a JSON object. */
  get complete(): boolean {
    return this.#complete
  }

  /** Takes a fragment. When something other than white space follows complete arguments, they are none any more. */
  push(fragment: string): void {
    this.#text += fragment
    if (!this.#overrun) this.#scan(fragment)
  }

  #scan(fragment: string): void {
    for (let at = 0; at < fragment.length; at++) {
      const code = fragment.charCodeAt(at)
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (code === 92) this.#escaped = true
        else if (code === 34) this.#inString = false
      } else if (code > 32) {
        if (this.#complete) {
          this.#overrun = true
          this.#complete = false
          return
        }
        this.#empty = false
        if (code === 34) this.#inString = true
        else if (code === 123 || code === 91) this.#depth++
        else if ((code === 125 || code === 93) && --this.#depth === 0 && !this.#balanced) {
          this.#balanced = true
          // What follows in this fragment may only be white space; the rest of the loop sees to it.
          this.#complete = parseObject(this.#text.slice(0, this.#text.length - fragment.length + at + 1)) !== undefined
        }
      }
    }
  }

  /** The fragment is an object that means the same as the complete arguments; `false` when they were released. */
  isRepeatedBy(fragment: string): boolean {
    const again = this.#complete && this.#text !== '' ? parseObject(fragment) : undefined
    return again !== undefined && writeJson(again) === (this.#plain ??= writeJson(parseObject(this.#text)))
  }

  /** Forgets the text; gives its length. */
  release(): number {
    const length = this.#text.length
    this.#text = ''
    this.#plain = undefined
    return length
  }
}
