import { MAX_HELD } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { PartialArguments } from './partial-args.ts'
import type { FunctionCall } from './wire.ts'

function made(...calls: readonly FunctionCall[]): unknown {
  const partial = new PartialArguments()
  for (const call of calls) partial.add(call)
  return JSON.parse(partial.toJson())
}

const piece = (jsonPath: string, value: object): FunctionCall => ({ partialArgs: [{ jsonPath, ...value }] })
const nowhere = { code: 'CCR_STREAM_INVALID' }

describe('arguments in pieces', () => {
  it.each<[string, readonly FunctionCall[], unknown]>([
    ['nothing', [], {}],
    ['what came whole', [{ args: { a: [1] } }], { a: [1] }],
    [
      'what came whole before pieces',
      [{ args: { a: 1, b: 2 } }, piece('$.c', { numberValue: 3 })],
      { a: 1, b: 2, c: 3 },
    ],
    ['what came beside pieces', [{ args: { a: 1 }, ...piece('$.c', { boolValue: false }) }], { a: 1, c: false }],
    ['what came in two', [{ args: { a: 1 } }, { args: { b: 2 } }], { a: 1, b: 2 }],
    ['null, but not nothing', [piece('$.a', { nullValue: null }), piece('$.b', {})], { a: null }],
    ['what is no piece', [{ partialArgs: [null, 5, 'x'] as never, args: null as never }], {}],
    ['names in quotes', [piece(`$["a b"]['c\\'d'].e`, { numberValue: 1 })], { 'a b': { "c'd": { e: 1 } } }],
    ['lists', [piece('$.a[0].b', { numberValue: 1 }), piece('$.a[1]', { numberValue: 2 })], { a: [{ b: 1 }, 2] }],
    ['a value again', [piece('$.a', { numberValue: 1 }), piece('$.a', { numberValue: 2 })], { a: 2 }],
    ['a deep value', [piece(`$${'.a'.repeat(100)}`, { numberValue: 1 })], deep(100)],
  ])('are %s', (_name, calls, value) => {
    expect(made(...calls)).toEqual(value)
  })

  it.each<[string, readonly FunctionCall[]]>([
    ['without a path', [{ partialArgs: [{ numberValue: 1 }] }]],
    ['with a path from elsewhere', [piece('.a', { numberValue: 1 })]],
    ['that are too deep', [piece(`$${'.a'.repeat(101)}`, { numberValue: 1 })]],
    ['behind the end of a list', [piece('$.a[0]', { numberValue: 1 }), piece('$.a[2]', { numberValue: 1 })]],
    ['inside of a number', [piece('$.a', { numberValue: 1 }), piece('$.a.b', { numberValue: 1 })]],
    ['inside of null', [piece('$.a', { nullValue: null }), piece('$.a.b', { numberValue: 1 })]],
    ['by name in a list', [piece('$.a[0]', { numberValue: 1 }), piece('$.a.b', { numberValue: 1 })]],
    ['by place in an object', [piece('$.a.b', { numberValue: 1 }), piece('$.a[0]', { numberValue: 1 })]],
  ])('%s are refused', (_name, calls) => {
    expect(() => made(...calls)).toThrow(expect.objectContaining(nowhere))
  })

  it('are bounded, by their texts and by their steps', () => {
    const half = 'x'.repeat(MAX_HELD / 2)
    const limit = { code: 'CCR_STREAM_LIMIT' }
    const texts = [piece('$.a', { stringValue: half, willContinue: true }), piece('$.a', { stringValue: half })]
    expect(() => made(...texts)).toThrow(expect.objectContaining(limit))
    const steps: FunctionCall = {
      partialArgs: Array(6_000).fill({ jsonPath: `$${'.a'.repeat(100)}`, boolValue: true }),
    }
    expect(() => made(steps)).toThrow(expect.objectContaining(limit))
  })
})

function deep(levels: number): unknown {
  return levels === 0 ? 1 : { a: deep(levels - 1) }
}
