import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeHeaders } from './header-value.ts'

const headers = fc.dictionary(fc.stringMatching(/^[A-Za-z-]{1,8}$/), fc.string())

describe('mergeHeaders', () => {
  it('gives every name of any headers in lower case, with its last value', () => {
    fc.assert(
      fc.property(fc.array(fc.option(headers, { nil: undefined })), (all) => {
        const every = all.flatMap((one) => Object.entries(one ?? {}))
        const last = Object.fromEntries(every.map(([name, value]) => [name.toLowerCase(), value]))
        expect(mergeHeaders(...all)).toEqual(last)
      }),
    )
  })

  it('leaves what it was given alone', () => {
    const given = { One: '1' }
    expect(mergeHeaders(given, { two: '2' })).toEqual({ one: '1', two: '2' })
    expect(given).toEqual({ One: '1' })
  })
})
