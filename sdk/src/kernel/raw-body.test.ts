import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toJsonBody, withModel } from './raw-body.ts'

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

describe('withModel', () => {
  const field = { name: 'version', value: 'v-1' }
  const spansOf = (text: string) =>
    [...text.matchAll(/"(?:model|mod\\u0065l)"\s*:\s*("\w*")/g)].map((match) => {
      const start = match.index + match[0].length - match[1]!.length
      return [start, start + match[1]!.length] as const
    })

  it.each([
    ['{"model":"a","b":1}', '{"version":"v-1","b":1}'],
    ['{ "b" : 1.0, "model"\n:\t"a" }', '{ "b" : 1.0, "version":"v-1" }'],
    ['{"mod\\u0065l":"a","b":"\\"model\\""}', '{"version":"v-1","b":"\\"model\\""}'],
    ['{"model":"a","model":""}', '{"version":"v-1","version":"v-1"}'],
  ])('puts another member in the place of the model, and leaves all other bytes: %s', (text, expected) => {
    const raw = { bytes: Buffer.from(text), modelSpans: spansOf(text), marked: false }
    expect(String(withModel(raw, 'm', field))).toBe(expected)
  })

  it('does so in a large body too', () => {
    const pad = 'x'.repeat(100_000)
    const text = `{"pad":"${pad}","model":"a"}`
    const pieces = withModel({ bytes: Buffer.from(text), modelSpans: spansOf(text), marked: false }, 'm', field)
    expect(Buffer.concat(pieces as Uint8Array[]).toString()).toBe(`{"pad":"${pad}","version":"v-1"}`)
  })
})
