import fc from 'fast-check'
import JSON5 from 'json5'
import { describe, expect, test } from 'vitest'
import { EMPTY_CONFIG, removeFromConfig, setInConfig } from './edit.ts'

const CONFIG = `// my config
{
  PORT: 3_456 /* fixed */,
  // the key comes from the environment
  APIKEY: '$CCR_KEY',
  plugins: [
    'first', // the first one
    // about the second
    { use: 'second', options: { limit: 0x10, name: "a \\
long one" } },
    'third' // last
  ],
}
`.replace('3_456', '3456')

describe('set', () => {
  test('appends to a list and leaves every other byte', () => {
    const edited = setInConfig(CONFIG, '/plugins/-', { use: 'fourth' })
    expect((JSON5.parse(edited) as { plugins: unknown[] }).plugins[3]).toEqual({ use: 'fourth' })
    for (const line of CONFIG.split('\n').filter((one) => !one.includes('third'))) expect(edited).toContain(line)
  })

  test('creates what is missing on the way', () => {
    expect(JSON5.parse(setInConfig(EMPTY_CONFIG, '/plugins/-', 'one'))).toEqual({ plugins: ['one'] })
    expect(JSON5.parse(setInConfig('{}', '/a/b/-/c', 1))).toEqual({ a: { b: [{ c: 1 }] } })
  })

  test('ends its lines as all others end', () => {
    const edited = setInConfig(CONFIG.replaceAll('\n', '\r\n'), '/plugins/-', { use: 'fourth', enabled: false })
    expect(edited.replaceAll('\r\n', '')).not.toContain('\n')
  })

  test('leaves strict JSON strict, however many objects its lists have', () => {
    const added = ['one', 'two', 'three'].reduce(
      (text, use) => setInConfig(text, '/plugins/-', { use, enabled: false }),
      JSON.stringify({ Providers: [{ name: 'a' }, { name: 'b' }], presets: {} }, null, 2),
    )
    const edited = setInConfig(added, '/presets/team', { key: '$KEY', models: [{ a: 1 }, { b: 2 }] })
    expect(JSON.parse(edited)).toEqual(JSON5.parse(edited))
  })

  test('ends what it adds with commas where the text does', () => {
    expect(setInConfig('{\n  a: [1,],\n}\n', '/b', { c: 1 })).toBe('{\n  a: [1,],\n  b: {\n    c: 1,\n  },\n}\n')
  })

  test.each([
    [
      "{\n  Router: { default: 'a,b' }, // and me\n}\n",
      "{\n  Router: { default: 'a,b' }, // and me\n  plugins: [\n    {\n      use: 'x',\n    },\n  ],\n}\n",
    ],
    [
      "{\n  a: 'b' /* one */ // two\n  // end\n}\n",
      "{\n  a: 'b', /* one */ // two\n  plugins: [\n    {\n      use: 'x'\n    }\n  ]\n  // end\n}\n",
    ],
    [
      '{\n    "plugins": [],\n    "b": 1\n}',
      '{\n    "plugins": [\n        {\n            "use": "x"\n        }\n    ],\n    "b": 1\n}',
    ],
    [
      '{\n  plugins: [\n    // none\n  ], // why\n}',
      '{\n  plugins: [\n    {\n      use: "x",\n    },\n    // none\n  ], // why\n}',
    ],
    [
      "{\n  plugins: [\n    'a', // one\n  ],\n}",
      "{\n  plugins: [\n    'a', // one\n    {\n      use: 'x',\n    },\n  ],\n}",
    ],
    ['{ plugins: ["a", "b"] }', '{ plugins: ["a", "b", {use:"x"}] }'],
  ])('adds to %j on lines of its own, and leaves comments where they are', (text, wanted) => {
    expect(setInConfig(text, '/plugins/-', { use: 'x' })).toBe(wanted)
  })

  test('changes one member of an element', () => {
    const edited = setInConfig(CONFIG, '/plugins/1/enabled', false)
    expect((JSON5.parse(edited) as { plugins: unknown[] }).plugins[1]).toMatchObject({ use: 'second', enabled: false })
    expect(edited).toContain('limit: 0x10')
    expect(edited).toContain('// about the second')
  })

  test.each([
    ['a text that is not JSON5', '{', '/plugins/-'],
    ['a place behind the end', '{ plugins: [] }', '/plugins/3'],
    ['a place inside a text', '{ plugins: "x" }', '/plugins/-'],
  ])('refuses %s', (_, text, pointer) => {
    expect(() => setInConfig(text, pointer, 1)).toThrow(expect.objectContaining({ code: 'CCR_CONFIG_EDIT' }))
  })

  test.each(['constructor', 'toString', 'hasOwnProperty'])('refuses a text with a member called %s', (name) => {
    const text = `{ deep: [{ ${name}: 1 }], a: 1 }`
    expect(() => setInConfig(text, '/a', 2)).toThrow(`it has a member called '${name}'`)
    expect(() => setInConfig('{ a: 1 }', `/${name}`, 2)).toThrow(`it has a member called '${name}'`)
  })
})

describe('remove', () => {
  test.each([
    [0, ['// the first one', '// about the second', "use: 'second'", "'third' // last"]],
    [1, ["'first', // the first one", '// about the second', "'third' // last"]],
    [2, ["'first', // the first one", '// about the second', "use: 'second'", '// last']],
  ])('element %i goes, the comments around it stay', (index, kept) => {
    const edited = removeFromConfig(CONFIG, `/plugins/${index}`)
    const plugins = (JSON5.parse(CONFIG) as { plugins: unknown[] }).plugins
    expect((JSON5.parse(edited) as { plugins: unknown[] }).plugins).toEqual(plugins.toSpliced(index, 1))
    for (const part of kept) expect(edited).toContain(part)
  })

  test('takes the whole line where nothing else is on it', () => {
    expect(removeFromConfig('{\n  plugins: [\n    "a",\n    "b",\n  ],\n}\n', '/plugins/1')).toBe(
      '{\n  plugins: [\n    "a",\n  ],\n}\n',
    )
    expect(removeFromConfig('{ plugins: ["a", "b"] }', '/plugins/0')).toBe('{ plugins: ["b"] }')
    expect(removeFromConfig('{ a: 1, b: 2 }', '/a')).toBe('{ b: 2 }')
  })

  test('refuses what is not there', () => {
    expect(() => removeFromConfig(CONFIG, '/plugins/3')).toThrow(expect.objectContaining({ code: 'CCR_CONFIG_EDIT' }))
    expect(() => removeFromConfig(CONFIG, '/nothing')).toThrow(/no such value/)
  })
})

describe('any config', () => {
  const word = fc.constantFrom('alpha', '$VAR', '${two words}', 'a, b', "it's", '// no comment', '[x]', 'ü😀')
  const comment = fc.constantFrom('', '', ' // one', ' /* two, ] } */', '\n    // three\n   ')
  const scalar = fc.oneof(
    word.map((text) => JSON.stringify(text)),
    fc.constantFrom('0x10', '6e4', '.5', '+1', 'true', 'null', "'single'", '{ use: "q", options: { a: [1, 2,], }, }'),
  )
  const elements = fc.array(fc.tuple(comment, scalar, comment), { minLength: 1, maxLength: 6 })
  const closing = fc.constantFrom('', ',', ', // end\n')

  function build(items: readonly (readonly [string, string, string])[], close: string): string {
    const line = (text: string): string => (/\/\/[^\n]*$/.test(text) ? `${text}\n` : text)
    const list = items.map(([before, value, after]) => `${line(before)} ${value}${line(after)}`).join(',\n   ')
    return `// head\n{ first: '$KEY', // about the key\n  plugins: [${list}${close}\n  ], last: 1 /* tail */ }\n`
  }

  const comments = (text: string): readonly string[] =>
    [...text.matchAll(/\/\/ (?:one|three|head|about the key|end)|\/\* (?:two, \] \}|tail) \*\//g)].map(([one]) => one)

  test('an element can be removed and every comment, variable and other value stays in its order', () => {
    fc.assert(
      fc.property(elements, closing, fc.nat(), (items, close, pick) => {
        const text = build(items, close)
        const index = pick % items.length
        const edited = removeFromConfig(text, `/plugins/${index}`)
        const before = JSON5.parse(text) as { plugins: unknown[] }
        expect(JSON5.parse(edited)).toEqual({ ...before, plugins: before.plugins.toSpliced(index, 1) })
        expect(comments(edited)).toEqual(comments(text))
        expect(Object.keys(JSON5.parse(edited) as object)).toEqual(['first', 'plugins', 'last'])
      }),
    )
  })

  test('an element can be added and every comment, variable and other value stays in its order', () => {
    fc.assert(
      fc.property(elements, closing, word, (items, close, value) => {
        const text = build(items, close)
        const edited = setInConfig(text, '/plugins/-', { use: value })
        const before = JSON5.parse(text) as { plugins: unknown[] }
        expect(JSON5.parse(edited)).toEqual({ ...before, plugins: [...before.plugins, { use: value }] })
        expect(comments(edited)).toEqual(comments(text))
        for (const [, written] of items) expect(edited).toContain(written)
      }),
    )
  })
})
