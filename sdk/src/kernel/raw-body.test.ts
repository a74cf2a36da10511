import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toJsonBody } from './raw-body.ts'

describe('toJsonBody', () => {
  it('is the JSON of any body, as bytes when it is large', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), (value, large) => {
        const body = { value, pad: large ? 'é'.repeat(10_000) : '' }
        const sent = toJsonBody(body)
        expect(Buffer.isBuffer(sent)).toBe(large)
        expect(Buffer.from(sent).toString()).toBe(JSON.stringify(body))
      }),
      {
        examples: [
          [null, true],
          [null, false],
        ],
      },
    )
  })
})
