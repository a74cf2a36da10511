import { createHash } from 'node:crypto'
import { namespacedName } from './own-tools.ts'

const ACCEPTED = /^[a-zA-Z0-9_-]{1,64}$/

/**
 * The names of tools in one attempt. The protocol takes at most 64 characters of [a-zA-Z0-9_-]; other names are
 * replaced by one that depends on the name alone, so that a provider's prompt cache still matches, and mapped back in
 * the answer.
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
  fromWire(wire: string, namespace?: unknown): string {
    if (typeof namespace === 'string' && namespace !== '') return namespacedName(namespace, wire)
    return this.#original.get(wire) ?? wire
  }
}

function shorten(name: string, turn: number): string {
  const hash = createHash('sha256').update(`${turn}:${name}`).digest('hex').slice(0, 8)
  return `${name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 55)}_${hash}`
}
