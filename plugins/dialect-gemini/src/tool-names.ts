import { createHash } from 'node:crypto'

const ACCEPTED = /^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$/

/**
 * The names of tools in one attempt. A function begins with a letter or an underscore and has at most 64 characters of
 * [A-Za-z0-9_.:-]; other names are replaced by one that depends on the name alone, so that a prompt cache still
 * matches, and mapped back in the answer. Source: https://ai.google.dev/api/caching#FunctionDeclaration
 */
export class ToolNames {
  readonly #wire = new Map<string, string>()
  readonly #original = new Map<string, string>()

  /** The name for the wire. */
  toWire(name: string): string {
    const known = this.#wire.get(name)
    if (known !== undefined) return known
    let wire = ACCEPTED.test(name) ? name : shorten(name, 0)
    for (let turn = 1; this.#original.has(wire); turn++) wire = shorten(name, turn)
    this.#wire.set(name, wire)
    this.#original.set(wire, name)
    return wire
  }

  /** The client's name for a name of the answer; one that was never sent stays as it is. */
  fromWire(wire: string): string {
    return this.#original.get(wire) ?? wire
  }
}

function shorten(name: string, turn: number): string {
  const hash = createHash('sha256').update(`${turn}:${name}`).digest('hex').slice(0, 8)
  const plain = name.replace(/[^A-Za-z0-9_.:-]/g, '_').slice(0, 54)
  return `${/^[A-Za-z_]/.test(plain) ? '' : '_'}${plain}_${hash}`
}
