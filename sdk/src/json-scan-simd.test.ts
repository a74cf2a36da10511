import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { findFields } from './json-scan-simd.ts'
import { scanJson } from './json-scan.ts'

// Node has it; the types of Node 20 do not.
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

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

// The properties read many bodies.
describe('the scan of many bytes at a time', { timeout: 30_000 }, () => {
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

  it('judges what follows the object, and white space of all kinds', () => {
    for (const between of [' ', '\t', '\n', '\r', '\v', '\f', '\0', '\u00a0', 'x', ',', '}', '{}', '"', '1'])
      for (const parts of [
        ['', '{"a":1}', ''],
        ['{', '"a"', ':1}'],
        ['{"a"', ':', '1}'],
        ['{"a":', '[1', ',2]}'],
      ])
        expectAgreement(parts.join(between))
  })

  it('judges every digit of an escape', () => {
    for (let place = 0; place < 4; place++)
      for (const digit of 'gGzZ/:@`09afAF" \\')
        expectAgreement(`{"a":"\\u${'0'.repeat(place)}${digit}${'0'.repeat(3 - place)}"}`)
  })

  it('goes as deep as it may, and takes as many fields as it can', () => {
    const nested = (levels: number): Buffer => Buffer.from(`{"a":${'['.repeat(levels - 1)}1${']'.repeat(levels - 1)}}`)
    for (const depth of [1, 2, DEPTH, 254, 255]) {
      expect(findFields(nested(depth), depth)?.size).toBe(1)
      expect(findFields(nested(depth + 1), depth)).toBeUndefined()
    }
    expect(findFields(nested(2), 256)).toBeUndefined()
    const many = (count: number): Buffer =>
      Buffer.from(JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, at]))))
    expect(findFields(many(256), DEPTH)).toEqual(scanJson(many(256), DEPTH))
    expect(findFields(many(257), DEPTH)).toBeUndefined()
  })

  it('leaves what it cannot tell to the other one', () => {
    for (const text of ['{"__proto__":1}', '{"\\u005f_proto__":1}', '[]', ''])
      expect(findFields(Buffer.from(text), DEPTH)).toBeUndefined()
  })

  it('sees nothing of the body before, whatever their lengths are', () => {
    const body = (bytes: number): Buffer => Buffer.from(JSON.stringify({ a: 'x'.repeat(bytes), b: [1] }))
    for (const bytes of [100_000, 65_536 - 8192, 5, 3 * 1024 * 1024, 9 * 1024 * 1024, 2 * 1024 * 1024, 70_000, 0]) {
      const whole = body(bytes)
      expect(findFields(whole, DEPTH)).toEqual(scanJson(whole, DEPTH))
      for (const lost of [1, 2, 7, 60]) {
        const part = whole.subarray(0, Math.max(0, whole.length - lost))
        expect(findFields(part, DEPTH)).toBeUndefined()
      }
    }
  })

  describe('in a new memory', () => {
    afterEach(() => {
      vi.unstubAllGlobals()
      vi.resetModules()
    })

    const fresh = async (): Promise<typeof findFields> => {
      vi.resetModules()
      return (await import('./json-scan-simd.ts')).findFields
    }

    it('has room for a body of any length', async () => {
      for (let length = 65_536 - 8192 - 130; length < 65_536 - 8192 + 3; length++) {
        const find = await fresh()
        const body = Buffer.from(`{"a":"${'x'.repeat(length - 8)}"}`)
        expect(find(body, DEPTH)).toEqual(scanJson(body, DEPTH))
        expect(find(body.subarray(0, length - 1), DEPTH)).toBeUndefined()
      }
    })

    it('goes on with shorter bodies where there is no room for a longer one', async () => {
      const find = await fresh()
      const long = Buffer.from(JSON.stringify({ a: 'x'.repeat(100_000) }))
      const grow = vi.fn(() => {
        throw new RangeError('could not grow')
      })
      const real = WebAssembly
      const Instance = function (module: object) {
        const { memory, scan } = new real.Instance(module).exports as { memory: { buffer: ArrayBuffer }; scan: unknown }
        return { exports: { memory: { buffer: memory.buffer, grow }, scan } }
      }
      vi.stubGlobal('WebAssembly', { Module: real.Module, Instance })
      for (let times = 0; times < 3; times++) expect(find(long, DEPTH)).toBeUndefined()
      expect(find(Buffer.from('{"a":1}'), DEPTH)?.size).toBe(1)
      expect(grow).toHaveBeenCalledTimes(1)
    })

    it('gives up once and for all where there is none', async () => {
      const find = await fresh()
      const tried = vi.fn(() => {
        throw new RangeError('could not allocate memory')
      })
      vi.stubGlobal('WebAssembly', { Module: class {}, Instance: tried })
      for (let times = 0; times < 3; times++) expect(find(Buffer.from('{"a":1}'), DEPTH)).toBeUndefined()
      expect(tried).toHaveBeenCalledTimes(1)
    })
  })
})
