import { createHash } from 'node:crypto'

/** Which names of tools a protocol takes. */
export interface NameRules {
  /** Matches a whole name that goes out as it is. */
  readonly accepts: RegExp
  /** Matches every character that must be replaced; global. */
  readonly replaces: RegExp
  /** Matches the beginning of a name where not every character may stand there. */
  readonly begins?: RegExp | undefined
}

/** Names of at most 64 characters of [a-zA-Z0-9_-]. Source: the OpenAI API reference, `tools`. */
export const PLAIN_NAMES: NameRules = { accepts: /^[a-zA-Z0-9_-]{1,64}$/, replaces: /[^a-zA-Z0-9_-]/g }

/**
 * The names of tools in one attempt. A name that the protocol does not take is replaced by one of at most 64 characters
 * that depends on the name alone, so that a provider's prompt cache still matches, and mapped back in the answer.
 */
export class ToolNames {
  readonly #rules: NameRules
  readonly #wire = new Map<string, string>()
  readonly #original = new Map<string, string>()

  constructor(rules: NameRules = PLAIN_NAMES) {
    this.#rules = rules
  }

  /** The name for the wire. */
  toWire(name: string): string {
    const known = this.#wire.get(name)
    if (known !== undefined) return known
    let wire = this.#rules.accepts.test(name) ? name : this.#shorten(name, 0)
    for (let turn = 1; this.#original.has(wire); turn++) wire = this.#shorten(name, turn)
    this.#wire.set(name, wire)
    this.#original.set(wire, name)
    return wire
  }

  /** The client's name for a name of the answer; one that was never sent stays as it is. */
  fromWire(wire: string): string {
    return this.#original.get(wire) ?? wire
  }

  #shorten(name: string, turn: number): string {
    const { replaces, begins } = this.#rules
    const hash = createHash('sha256').update(`${turn}:${name}`).digest('hex').slice(0, 8)
    const plain = name.replace(replaces, '_').slice(0, begins ? 54 : 55)
    return `${!begins || begins.test(plain) ? '' : '_'}${plain}_${hash}`
  }
}
