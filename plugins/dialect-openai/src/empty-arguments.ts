/** What may still become the text `null` and nothing else, and an empty object. */
const NULL = /^n(?:u(?:l(?:l\s*)?)?)?$/
const OBJECT = /^\{\s*\}$/

/**
 * Arguments that say nothing: some servers write `null`, as text, for a call that has none, and others an empty object
 * before the arguments that follow in the next chunk. What may be such waits, so that it does not matter how it was
 * cut; within other arguments it means what it says.
 */
export class EmptyArguments {
  /** What waits of each call; nothing of one that has other arguments. */
  readonly #calls = new Map<string, string | undefined>()
  /** The calls whose empty object came in this chunk, and in the one before it. */
  #fresh: string[] = []
  #before: string[] = []

  /** The arguments of this call that the fragment shows to be there. */
  push(key: string, fragment: string): string {
    const begun = this.#calls.has(key)
    const waiting = this.#calls.get(key)
    if (begun && waiting === undefined) return fragment
    const text = begun ? joined(waiting!, fragment) : fragment.trimStart()
    if (text === '') return ''
    const isEmpty = OBJECT.test(text.trimEnd())
    const mayBeEmpty = isEmpty || NULL.test(text)
    this.#calls.set(key, mayBeEmpty ? text.trimEnd() : undefined)
    this.#before = this.#before.filter((one) => one !== key)
    if (isEmpty) this.#fresh.push(key)
    return mayBeEmpty ? '' : text
  }

  /** Whether an empty object waits that may be all there is. */
  isComplete(key: string): boolean {
    return OBJECT.test(this.#calls.get(key) ?? '')
  }

  /** At the end of a chunk: the empty objects that nothing has followed in it, by the keys of their calls. */
  settle(): readonly (readonly [string, string])[] {
    if (this.#before.length + this.#fresh.length === 0) return []
    const settled = this.#before.flatMap((key) => this.#take(key))
    this.#before = this.#fresh
    this.#fresh = []
    return settled
  }

  /** At the end of the answer: what waited in vain. */
  rest(): readonly (readonly [string, string])[] {
    return [...this.#calls.keys()].flatMap((key) => this.#take(key))
  }

  #take(key: string): readonly (readonly [string, string])[] {
    const text = this.#calls.get(key)
    this.#calls.set(key, undefined)
    return text === undefined || text === 'null' ? [] : [[key, text]]
  }
}

/** An empty object gives way to the object that follows it. */
function joined(waiting: string, fragment: string): string {
  return OBJECT.test(waiting) && /^\s*\{/.test(fragment) ? fragment.trimStart() : waiting + fragment
}
