import fc from 'fast-check'
import JSON5 from 'json5'
import { describe, expect, it } from 'vitest'
import { hasPointer, joinPointer, splitPointer } from './pointer.ts'
import { createLocator } from './position.ts'

const text = `// a comment
{
  PORT: 3456, 'a/b': { "c~d": [1,
    /* here */ { e: 'x', },
  ] },
  twice: 1, twice: 2,
}`

describe('createLocator', () => {
  it.each([
    ['', 2, 1],
    ['/PORT', 3, 9],
    ['/a~1b', 3, 22],
    ['/a~1b/c~0d/1', 4, 16],
    ['/a~1b/c~0d/1/e', 4, 21],
    ['/a~1b/c~0d/7', 3, 31],
    ['/nowhere/at/all', 2, 1],
    ['/twice', 6, 20],
  ])('finds %j at %i:%i', (pointer, line, column) => {
    expect(createLocator(text)(pointer)).toEqual({ line, column })
  })

  it('finds nothing in a text without a tree', () => {
    expect(createLocator('')('/a')).toBeUndefined()
  })

  it('finds the text of every value of any config', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), fc.constantFrom(0, 2), (config, space) => {
        const written = JSON5.stringify(config, null, space)
        const locate = createLocator(written)
        const lines = written.split('\n')
        for (const pointer of scalarPointers(config)) {
          const position = locate(pointer)
          const rest = lines[(position?.line ?? 0) - 1]?.slice((position?.column ?? 0) - 1) ?? ''
          expect(rest.startsWith(JSON5.stringify(valueAt(config, pointer)))).toBe(true)
        }
      }),
    )
  })
})

describe('pointers', () => {
  it('give any keys back', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (keys) => {
        expect(splitPointer(keys.reduce(joinPointer, ''))).toEqual(keys)
      }),
    )
  })

  it('do not find what is inherited', () => {
    expect(hasPointer({ a: [1] }, '/a/0')).toBe(true)
    expect(hasPointer({ a: [1] }, '/a/length/x')).toBe(false)
    expect(hasPointer({}, '/toString')).toBe(false)
  })
})

function scalarPointers(value: unknown, pointer = ''): string[] {
  if (typeof value !== 'object' || value === null) return [pointer]
  return Object.entries(value).flatMap(([key, item]) => scalarPointers(item, joinPointer(pointer, key)))
}

function valueAt(value: unknown, pointer: string): unknown {
  return splitPointer(pointer).reduce<unknown>((current, key) => (current as Record<string, unknown>)[key], value)
}
