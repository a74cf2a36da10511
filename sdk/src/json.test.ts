import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJson, type JsonDocument } from './json.ts'
import { MAX_DEPTH } from './json-scan.ts'
import { MAX_FIELDS, MAX_VALUES } from './json-scan.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 600)
const LIMITS = { timeout: 30_000 + RUNS * 30 }

const invalid = expect.objectContaining({ code: 'CCR_REQUEST_INVALID' })

function read(text: string): JsonDocument {
  return readJson(Buffer.from(text))
}

/** Every field, by reading it. */
function valueOf(document: JsonDocument): unknown {
  return JSON.parse(JSON.stringify(document.value))
}

/** What JSON.parse makes of the bytes, or nothing where a request body cannot be that. */
function expected(bytes: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) && acceptable(value, 1)
      ? value
      : undefined
  } catch {
    return undefined
  }
}

function acceptable(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return (
    depth <= MAX_DEPTH &&
    Object.keys(value).every((key) => key !== '__proto__' && acceptable((value as never)[key], depth + 1))
  )
}

function expectAgreement(bytes: Buffer): void {
  let value: unknown
  try {
    value = valueOf(readJson(bytes))
  } catch (thrown) {
    expect(thrown).toEqual(invalid)
    // The key may stand before a worse fault, or in a duplicate that JSON.parse has dropped.
    if (String(thrown).includes('__proto__')) return expect(bytes.toString()).toMatch(/__proto__|\\u/)
  }
  // As text: the engine may read the same -0 as 0 when it has seen other objects of that shape.
  expect(JSON.stringify(value)).toBe(JSON.stringify(expected(bytes)))
}

/** More than what is read at once. */
const PAD = `"pad":"${'x'.repeat(16 * 1024)}"`

const objects = fc.dictionary(
  fc.oneof(fc.string(), fc.constantFrom('__proto__', '_', 'a', 'constructor', '1')),
  fc.jsonValue(),
)
/** Bodies without the key that is refused. */
const accepted = fc
  .dictionary(fc.stringMatching(/^\w{1,9}$/), fc.jsonValue())
  .filter((body) => !JSON.stringify(body).includes('"__proto__":'))
const spaces = fc.constantFrom('', ' ', '\n', '\t\r ')
/** JSON texts with any white space between tokens, any legal escapes, and duplicate keys. */
const texts = fc.oneof(
  fc.tuple(objects, fc.constantFrom(undefined, 1, '\t')).map(([value, indent]) => JSON.stringify(value, null, indent)),
  fc.json(),
  fc
    .array(fc.tuple(fc.constantFrom('"a"', '"\\u0061"', '"b\\n"', '"é"', '"\\ud83d"'), fc.json(), spaces), {
      maxLength: 6,
    })
    .map(
      (fields) =>
        `{${fields.map(([key, value, space]) => `${space}${key}${space}:${space}${value}${space}`).join(',')}}`,
    ),
)
/** The text, and the same as a body whose fields are parsed late. */
const bodies = fc.tuple(texts, fc.boolean()).map(([text, large]) => {
  const padded = text.trimStart().startsWith('{') && large
  return Buffer.from(padded ? text.replace('{', /^\s*\{\s*\}/.test(text) ? `{${PAD}` : `{${PAD},`) : text)
})

// The properties read many bodies.
describe('readJson', LIMITS, () => {
  it('judges every byte at every place of a string, also of the last one', () => {
    for (let byte = 0; byte < 256; byte++) {
      for (let before = 0; before < 9; before++) {
        const text = Buffer.concat([Buffer.from('x'.repeat(before)), Buffer.of(byte), Buffer.from('"}')])
        expectAgreement(Buffer.concat([Buffer.from(`{${PAD},"a":"`), text]))
        expectAgreement(Buffer.concat([Buffer.from(`{${PAD},"a":"`), text.subarray(0, before + 1)]))
      }
    }
  })

  it('accepts what JSON.parse accepts, and nothing else, for any JSON text', () => {
    fc.assert(
      fc.property(bodies, (bytes) => {
        expectAgreement(bytes)
      }),
      { numRuns: RUNS },
    )
  })

  it('agrees with JSON.parse on any mutation of any JSON text', () => {
    const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...Buffer.from('{}[]",:\\u0e+-.tfn ')))
    const edits = fc.array(fc.tuple(fc.nat(), fc.constantFrom('delete', 'insert', 'change'), byte), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(bodies, edits, (body, changes) => {
        const bytes = [...body]
        for (const [place, action, one] of changes) {
          // Half of them near the front, where a large body has its structure.
          const at = (place % 2 === 0 ? place : place % 64) % (bytes.length + 1)
          bytes.splice(at, action === 'insert' ? 0 : 1, ...(action === 'delete' ? [] : [one]))
        }
        expectAgreement(Buffer.from(bytes))
      }),
      { numRuns: RUNS },
    )
  })

  it('agrees with JSON.parse on any short text over its alphabet', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"a"',
      '"',
      ':',
      ',',
      '1',
      '-',
      '0',
      '.',
      'e',
      'true',
      'null',
      ' ',
      '\\',
      '\u0000',
      'é',
    )
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const bytes = Buffer.from(`{"k":${tokens.join('')}`)
        expectAgreement(bytes)
      }),
      { numRuns: RUNS },
    )
  })

  it.each([
    ['nothing', ''],
    ['white space', ' \n'],
    ['a lone byte order mark', '\ufeff'],
    ['an object after a byte order mark', '\ufeff{}'],
    ['an array', '[]'],
    ['a string', '"{}"'],
    ['null', 'null'],
    ['a trailing comma', '{"a":1,}'],
    ['a second object', '{}{}'],
    ['a key without quotes', '{a:1}'],
    ['a number with a leading zero', '{"a":01}'],
    ['a number that ends in a point', '{"a":1.}'],
    ['NaN', '{"a":NaN}'],
    ['a comment', '{"a":1/**/}'],
    ['a raw line end in a string', '{"a":"\n"}'],
    ['a broken \\u escape', '{"a":"\\u12g4"}'],
    ['an unknown escape', '{"a":"\\x41"}'],
    ['a string that does not end', '{"a":"'],
    ['an escape at the end', '{"a":"\\'],
    ['a \\u escape at the end', '{"a":"\\u00'],
    ['a non-breaking space between tokens', '{"a":\u00a01}'],
  ])('refuses %s', (_name, text) => {
    expect(() => read(text)).toThrow(invalid)
    expect(expected(Buffer.from(text))).toBeUndefined()
  })

  it('names the byte at fault', () => {
    expect(() => read('{"a":1,"b":x}')).toThrow('at byte 11')
  })

  it.each(['{"a":', '['])('takes %s nested 200 deep and refuses 201', (open) => {
    const close = open === '[' ? ']' : '}'
    const nested = (depth: number): string => `{"a":${open.repeat(depth - 1)}1${close.repeat(depth - 1)}}`
    expect(read(nested(MAX_DEPTH)).value).toEqual(JSON.parse(nested(MAX_DEPTH)))
    expect(() => read(nested(MAX_DEPTH + 1))).toThrow('deeper than 200')
    expect(() => read(nested(100_000))).toThrow(invalid)
  })

  it('takes so many top-level fields, and refuses one more', () => {
    const body = (count: number): string => `{${Array.from({ length: count }, (_, at) => `"k${at}":1`).join(',')}}`
    expect(Object.keys(read(body(MAX_FIELDS)).value)).toHaveLength(MAX_FIELDS)
    expect(() => read(body(MAX_FIELDS + 1))).toThrow(invalid)
    expect(() => read(body(MAX_FIELDS + 1))).toThrow(`more than ${MAX_FIELDS} fields`)
    const repeated = '"model":"m",'.repeat(MAX_FIELDS)
    expect(() => read(`{${repeated}"model":"m"}`)).toThrow(`more than ${MAX_FIELDS} fields`)
  })

  it.each<[string, boolean]>([
    ['"a":[]', true],
    ['"a" : [ \n\t\r ]', true],
    ['"a":[1],"a":[]', true],
    ['"a":[],"a":[1]', false],
    ['"a":[[]]', false],
    ['"a":[ "]"]', false],
    ['"a":{}', false],
    ['"a":"]"', false],
    ['"b":[]', false],
  ])('knows of %s whether it is an empty array: %s', (fields, isEmpty) => {
    for (const more of ['', `${PAD},`]) expect(read(`{${more}${fields}}`).isEmptyArray('a')).toBe(isEmpty)
    expect(read(`{${fields},${PAD}}`).isEmptyArray('a')).toBe(isEmpty)
  })

  it.each(['[]', '{}', '""', '1', '{"a":1}', '{"_":1}'])(
    'takes %s so many times that it holds as many values as it may, and refuses more',
    (value) => {
      // Two beside them: the object and the array.
      const count = Math.floor((MAX_VALUES - 2) / (value.includes('1}') ? 2 : 1))
      const body = (times: number): string => `{"a":[${Array.from({ length: times }, () => value).join(',')}]}`
      expect(read(body(count)).isArray('a')).toBe(true)
      expect(() => read(body(count + 1))).toThrow(invalid)
      expect(() => read(body(count + 1))).toThrow(`more than ${MAX_VALUES} values`)
    },
  )

  it.each([
    ['plain', '{"__proto__":{}}'],
    ['deep', '{"a":[{"b":{"__proto__":1}}]}'],
    [
      'wholly escaped',
      `{"${[...'__proto__'].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}":1}`,
    ],
    ['with its first letter escaped', '{"a":{"\\u005f_proto__":1}}'],
    ['with a later letter escaped', '{"a":{"_\\u005fproto__":1}}'],
    ['with capital hexadecimal digits', '{"a":{"\\u005F_proto_\\u005F":1}}'],
    ['in a large body', `{${PAD},"a":{"__pr\\u006fto__":1}}`],
    ['repeated', '{"a":{"x":1,"__proto__":2,"__proto__":3}}'],
  ])('refuses the key __proto__ %s', (_name, text) => {
    expect(() => read(text)).toThrow(invalid)
  })

  it('takes __proto__ as a value, and keys that resemble it', () => {
    expect(read('{"a":"__proto__","__proto":1,"___proto__":2,"\\\\__proto__":3}').value).toEqual({
      a: '__proto__',
      __proto: 1,
      ___proto__: 2,
      '\\__proto__': 3,
    })
  })

  it('gives any body again after it has forgotten what was parsed', () => {
    fc.assert(
      fc.property(accepted, fc.boolean(), (body, large) => {
        const text = JSON.stringify(large ? { ...body, pad: 'x'.repeat(20_000) } : body)
        const document = read(text)
        const before = valueOf(document)
        document.forget()
        expect(valueOf(document)).toEqual(before)
      }),
    )
  })

  it('parses a field of a large body anew once it has forgotten it', () => {
    const { value, forget } = read(`{"a":[1],"pad":"${'x'.repeat(20_000)}"}`)
    const first = value['a']
    expect(value['a']).toBe(first)
    forget()
    expect(value['a']).not.toBe(first)
    expect(value['a']).toEqual(first)
  })

  it('parses a field of a large body when it is first read, once', () => {
    const { value } = read(`{${PAD},"a":{"b":1}}`)
    expect(Object.getOwnPropertyDescriptor(value, 'a')?.get).toBeTypeOf('function')
    expect(value['a']).toEqual({ b: 1 })
    expect(value['a']).toBe(value['a'])
    expect(Object.keys(value)).toEqual(['pad', 'a'])
    expect(Object.keys(Object.freeze(value))).toEqual(['pad', 'a'])
  })

  it.each(['', `${PAD},`])('lets the last of a duplicate key count, and tells where each stands', (pad) => {
    const text = `{${pad} "model" : "a" ,"x":{"model":"no"},"mod\\u0065l":"b", "model":\n["c"] }`
    const document = read(text)
    expect(document.value['model']).toEqual(['c'])
    expect(document.spansOf('model').map(([start, end]) => text.slice(start, end))).toEqual(['"a"', '"b"', '["c"]'])
    expect(document.spansOf('none')).toEqual([])
    expect(document.spansOf('constructor')).toEqual([])
  })

  it('tells the exact span of every field of any object', () => {
    fc.assert(
      fc.property(bodies, (bytes) => {
        const value = expected(bytes)
        if (value === undefined) return
        const document = readJson(bytes)
        for (const [key, field] of Object.entries(value as object)) {
          const [start, end] = document.spansOf(key).at(-1)!
          const text = bytes.toString('utf8', start, end)
          expect(text).toBe(text.trim())
          expect(JSON.parse(text)).toEqual(field)
        }
      }),
    )
  })
})
