import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PLAIN_NAMES, ToolNames, type NameRules } from './tool-names.ts'

const STRICT: NameRules = {
  accepts: /^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$/,
  replaces: /[^A-Za-z0-9_.:-]/g,
  begins: /^[A-Za-z_]/,
}

describe('the names of tools', () => {
  it.each<[string, NameRules]>([
    ['plain', PLAIN_NAMES],
    ['with rules for the first character', STRICT],
  ])('go out acceptable, each its own, and come back: %s', (_, rules) => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(fc.string(), fc.constantFrom('a b', 'a_b', '1', 'x'.repeat(80)))), (all) => {
        const names = new ToolNames(rules)
        const wire = all.map((name) => names.toWire(name))
        expect(wire.every((name) => rules.accepts.test(name))).toBe(true)
        expect(new Set(wire).size).toBe(all.length)
        expect(wire.map((name) => names.fromWire(name))).toEqual(all)
      }),
    )
  })

  it('depend on the name alone, and leave alone what was never sent', () => {
    const names = new ToolNames()
    const wire = names.toWire('a b')
    expect(wire).toMatch(/^a_b_[0-9a-f]{8}$/)
    expect([names.toWire('a b'), new ToolNames().toWire('a b')]).toEqual([wire, wire])
    expect(new ToolNames(STRICT).toWire('b'.repeat(80))).toMatch(/^b{54}_[0-9a-f]{8}$/)
    expect(new ToolNames(STRICT).toWire(`1${'b'.repeat(80)}`)).toMatch(/^_1b{53}_[0-9a-f]{8}$/)
    expect(new ToolNames().toWire('b'.repeat(80))).toMatch(/^b{55}_[0-9a-f]{8}$/)
    // Another tool may be called what this one would be.
    const taken = new ToolNames()
    expect(taken.toWire(wire)).toBe(wire)
    expect(taken.fromWire(taken.toWire('a b'))).toBe('a b')
    expect(taken.fromWire(wire)).toBe(wire)
    expect(new ToolNames().toWire('read')).toBe('read')
    expect(new ToolNames().fromWire('other')).toBe('other')
  })
})
