import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findFields } from './json-scan-simd.ts'
import { scanJson } from './json-scan.ts'

const DEPTH = 20

/** What the other one finds; nothing where it refuses. */
function expected(body: Buffer): ReturnType<typeof findFields> {
  try {
    return scanJson(body, DEPTH)
  } catch {
    return undefined
  }
}

function expectAgreement(text: string | Buffer): void {
  expectAgreementOf(Buffer.from(text), false)
}

/** A body with keys that resemble `__proto__` may be left to the other one. */
function expectAgreementOf(body: Buffer, mayLeave: boolean): void {
  const fields = findFields(body, DEPTH)
  if (mayLeave && !fields) return
  expect(fields, body.toString()).toEqual(expected(body))
}

/** Lengths of the bytes looked at together, and what is near them. */
const PLACES = [0, 1, 2, 14, 15, 16, 17, 31, 32, 33, 47, 48, 49, 62, 63, 64, 65, 79, 80, 126, 127, 128, 129]

describe('the scan of many bytes at a time', () => {
  it('finds the fields of any object as the scan of single bytes does', () => {
    const object = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ stringUnit: 'binary' }))
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        expectAgreementOf(Buffer.from(text), /"[\\_]/.test(text))
      }),
    )
  })

  it('judges every byte at every place of a block, plain and behind a backslash', () => {
    for (const place of PLACES) {
      const before = 'x'.repeat(place)
      for (let byte = 0; byte < 256; byte++)
        for (const escape of ['', '\\', '\\\\'])
          expectAgreement(Buffer.concat([Buffer.from(`{"a":"${before}${escape}`), Buffer.of(byte), Buffer.from('"}')]))
    }
  })

  it('judges runs of backslashes of any length at every place of a block', () => {
    for (const place of PLACES)
      for (let run = 1; run < 140; run += run < 9 ? 1 : 23)
        for (const end of ['"}', 'n"}', 'u00e9"}', 'u00"}', '""}', '"', ''])
          expectAgreement(`{"a":"${'x'.repeat(place)}${'\\'.repeat(run)}${end}`)
  })

  it('judges a body that breaks off anywhere', () => {
    const text = ` {"a" : [1.5e+3, -0, true, null, {"b\\u00e9": "${'text \\n '.repeat(12)}"}],\n"c":false, "d":{}} `
    for (let length = 0; length <= text.length; length++) expectAgreement(text.slice(0, length))
  })

  it.each([
    '01',
    '-',
    '1.',
    '1.e1',
    '1e',
    '1e+',
    '+1',
    '.5',
    'tru',
    'truE',
    'nul',
    'fals',
    '1 2',
    '-01',
    '1E-2',
    '0e0',
  ])('judges the value %s', (value) => {
    for (const text of [`{"a":${value}}`, `{"a":[${value},1]}`, `{"a":${value}`]) expectAgreement(text)
  })

  it('leaves what it cannot tell to the other one', () => {
    const many = Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`key${at}`, at]))
    const deep = `{"a":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}`
    for (const text of [JSON.stringify(many), deep, '{"__proto__":1}', '{"\\u005f_proto__":1}', '[]', ''])
      expect(findFields(Buffer.from(text), DEPTH)).toBeUndefined()
    expect(findFields(Buffer.from('{}'), 1_000)).toBeUndefined()
  })

  it('sees nothing of the body before, whatever their lengths are', () => {
    const body = (bytes: number): Buffer => Buffer.from(JSON.stringify({ a: 'x'.repeat(bytes), b: [1] }))
    for (const bytes of [100_000, 65_536 - 8192, 5, 3 * 1024 * 1024, 2 * 1024 * 1024, 70_000, 0]) {
      const whole = body(bytes)
      expect(findFields(whole, DEPTH)).toEqual(scanJson(whole, DEPTH))
      for (const lost of [1, 2, 7, 60]) {
        const part = whole.subarray(0, Math.max(0, whole.length - lost))
        expect(findFields(part, DEPTH)).toBeUndefined()
      }
    }
  })
})
