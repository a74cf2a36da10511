import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readReasoning, REASONING_MARK, signReasoning } from './reasoning.ts'

describe('a router-made signature', { timeout: 30_000 }, () => {
  it('says what any origin said', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (family, payload) => {
        const signature = signReasoning({ family, payload })
        expect(signature.startsWith(REASONING_MARK)).toBe(true)
        expect(readReasoning(signature)).toEqual({ family, payload })
      }),
    )
  })

  it('needs no escaping in JSON and in headers for a family of plain letters', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z][a-z0-9-]*$/), fc.string({ unit: 'binary' }), (family, payload) => {
        expect(signReasoning({ family, payload })).toMatch(/^[\w.~-]+$/)
      }),
    )
  })

  it.each([
    '',
    'EpADCokBCA8YAipAsfSSBF77',
    '~ccr-reasoning',
    '~ccr-reasoning.',
    '~ccr-reasoning.deepseek',
    ' ~ccr-reasoning.a.b',
    'x.~ccr-reasoning.a.b',
  ])('is not %j', (signature) => {
    expect(readReasoning(signature)).toBeUndefined()
  })
})
