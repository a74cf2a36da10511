import { join, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { factOf, placeOf } from './place.ts'

function errorWith(stack: unknown): Error {
  return Object.defineProperty(new Error('boo'), 'stack', { value: stack })
}

const stack = `Error: boo
    at fail (/p/node_modules/plain/index.js:1:2)
    at Object.activate (/p/src/plugin.ts:10:5)
    at async /p/src/other.ts:3:4
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`

describe('placeOf', () => {
  it.each<[string, unknown, readonly string[], string | undefined]>([
    ['the first of the files', errorWith(stack), ['/p/src/other.ts', '/p/src/plugin.ts'], '/p/src/plugin.ts:10:5'],
    ['a frame without a function', errorWith(stack), ['/p/src/other.ts'], '/p/src/other.ts:3:4'],
    ['a file below a folder', errorWith(stack), ['/p/src'], '/p/src/plugin.ts:10:5'],
    ['no file whose name only begins alike', errorWith(stack), ['/p/src/plug', '/p/sr', '/src'], undefined],
    ['no file of others', errorWith(stack), ['/q', ''], undefined],
    ['a URL', errorWith('Error\n    at file:///p/a%20b/x.js:1:2'), ['/p/a b/x.js'], '/p/a b/x.js:1:2'],
    ['no broken URL', errorWith('Error\n    at f (file://%:1:2)'), ['/p'], undefined],
    ['nothing in a text', stack, ['/p/src'], undefined],
    ['nothing in a stack that is no text', errorWith([{}]), ['/p/src'], undefined],
    [
      'nothing in a stack that throws',
      Object.defineProperty(new Error('a'), 'stack', {
        get: () => {
          throw new Error('b')
        },
      }),
      ['/p/src'],
      undefined,
    ],
  ])('finds %s', (_, thrown, paths, place) => {
    expect(placeOf(thrown, paths)).toBe(place)
  })

  it('finds any file in any folder, however it is written', () => {
    const part = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/[\\/\n\r\0]|^\.{1,2}$/.test(text))
    const frames = [
      (file: string) => `    at ${file}:7:9`,
      (file: string) => `    at Object.activate (${file}:7:9)`,
      (file: string) => `    at async f (${pathToFileURL(file).href}:7:9)`,
    ]
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 4 }), fc.constantFrom(...frames), (parts, frame) => {
        const file = sep + join(...parts)
        const thrown = errorWith(`Error: boo\n    at node:internal/x:1:1\n${frame(file)}`)
        expect(placeOf(thrown, [file])).toBe(`${file}:7:9`)
        expect(placeOf(thrown, [sep + parts[0]!])).toBe(`${file}:7:9`)
      }),
    )
  })
})

describe('factOf', () => {
  it.each([
    ["ENOENT: no such file or directory, open '/srv/somebody/private/list.json'", 'list.json'],
    ['cannot read /etc/ccr/key.pem (mode 600)', 'cannot read key.pem (mode 600)'],
    ['in file:///srv/somebody/plugin.ts:3:4', 'in plugin.ts:3:4'],
    ["Cannot find module 'C:\\some\\body\\a.js'", "Cannot find module 'a.js'"],
    ['path=/etc/ccr/b, /opt/x/d', 'path=b, d'],
    ["open '/srv/Max Muller/p/q.js'", "open 'q.js'"],
    ['“/srv/k/z.ts” and \\\\srv\\share\\f.txt', '“z.ts” and f.txt'],
  ])('%s names no folder', (text, expected) => {
    const fact = factOf(new Error(text))
    expect(fact).toContain(expected)
    expect(fact).not.toMatch(/[\\/]/)
  })

  it.each([
    'no budget left',
    'https://a.example/v1/messages said 404',
    'and/or, 3/4',
    'a / b',
    '/',
    'model p/m/x',
    'bad field /tools/0/name',
    '[/v1/messages]',
  ])('%s stays', (text) => expect(factOf(new Error(text))).toBe(text))

  it('takes time that grows with its length alone', () => {
    for (const part of ['/a', '/a ', '\\', "'/", 'file://'])
      expect(factOf(new Error(part.repeat(200_000)))).toBeDefined()
  })
})
