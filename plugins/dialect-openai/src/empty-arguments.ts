/** What may still become the text `null` and nothing else. */
const BEGINNING = /^n(?:u(?:l(?:l\s*)?)?)?$/

/**
 * Some servers write `null`, as text, for the arguments of a call that has none. A beginning that may become it waits,
 * so that it does not matter how it was cut; within other arguments the word means what it says.
 */
export class NullArguments {
  /** What waits of each call; nothing of one that has other arguments. */
  readonly #calls = new Map<string, string | undefined>()

  /** The arguments of this call that the fragment shows to be there. */
  push(key: string, fragment: string): string {
    const begun = this.#calls.has(key)
    const waiting = this.#calls.get(key)
    if (begun && waiting === undefined) return fragment
    const text = (waiting ?? '') + (begun ? fragment : fragment.trimStart())
    if (text === '') return ''
    const mayBeNull = BEGINNING.test(text)
    this.#calls.set(key, mayBeNull ? text.trimEnd() : undefined)
    return mayBeNull ? '' : text
  }

  /** What waited in vain, by the key of its call. */
  *rest(): Iterable<readonly [string, string]> {
    for (const [key, text] of this.#calls) if (text !== undefined && text !== 'null') yield [key, text]
  }
}
