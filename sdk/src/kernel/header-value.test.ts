import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failureHeaders, mergeHeaders, requestIdHeaders, toHeaderValue } from './header-value.ts'

const headers = fc.dictionary(fc.stringMatching(/^[A-Za-z-]{1,8}$/), fc.string())

describe('a value for a header', () => {
  it('keeps its form where a name in it is not ASCII', () => {
    expect(toHeaderValue("think; by=x; rule=Router.think; unmatched=y: no provider 'Zürich'")).toBe(
      "think; by=x; rule=Router.think; unmatched=y: no provider 'Z%C3%BCrich'",
    )
  })

  it('is one line of ASCII, from which what it stands for can be read', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (value) => {
        const header = toHeaderValue(value)
        expect(header).toMatch(/^[\x20-\x7e]*$/)
        expect(decodeURIComponent(header)).toBe(value)
      }),
    )
  })

  it.each(['a\ud800', 'a\udc00'])('has a sign in the place of half a character: %j', (value) => {
    expect(decodeURIComponent(toHeaderValue(value))).toBe('a\ufffd')
  })
})

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

describe('the headers that name a request', () => {
  it('are everybody’s, and the one that clients of a dialect read', () => {
    expect(requestIdHeaders('req_1')).toEqual({ 'request-id': 'req_1' })
    const both = { 'request-id': 'req_1', 'x-request-id': 'req_1' }
    expect(requestIdHeaders('req_1', { requestIdHeader: 'x-request-id' })).toEqual(both)
    const reply = { status: 400, type: 'invalid_request_error', message: 'm' } as const
    expect(failureHeaders(reply, 'req_1', { requestIdHeader: 'x-request-id' })).toMatchObject(both)
  })
})
