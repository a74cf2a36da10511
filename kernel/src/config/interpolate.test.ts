import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { interpolate } from './interpolate.ts'

const environment = {
  KEY: 'value',
  _x1: 'lower',
  _X1: 'under',
  EMPTY: '',
  NESTED: '$KEY',
  'odd name': 'odd',
  a: 'small',
}

describe('interpolate', () => {
  it.each([
    ['$KEY', 'value'],
    ['${KEY}', 'value'],
    ['Bearer $KEY!', 'Bearer value!'],
    ['$KEY$KEY', 'valuevalue'],
    ['$KEYS', '$KEYS'],
    ['${KEY}S', 'valueS'],
    ['$_X1', 'under'],
    ['${_x1}', 'lower'],
    ['$_x1', '$_x1'],
    ['${odd name}', 'odd'],
    ['$a', '$a'],
    ['${a}', 'small'],
    ['$EMPTY', '$EMPTY'],
    ['${UNSET}', '${UNSET}'],
    ['${KEY:-other}', '${KEY:-other}'],
    ['$NESTED', '$KEY'],
    ['$$KEY', '$KEY'],
    ['$$$KEY', '$value'],
    ['$${KEY}', '${KEY}'],
    ['$', '$'],
    ['${}', '${}'],
    ['${KEY', '${KEY'],
    ['5$', '5$'],
    ['${toString}', '${toString}'],
  ])('makes %j into %j', (text, expected) => {
    expect(interpolate(text, environment).value).toBe(expected)
  })

  it('fills values at every depth, never keys, and leaves what is not text', () => {
    const { value, variables } = interpolate({ $KEY: ['$KEY', { 'a/b': '${UNSET} $KEY' }, 1, null, true] }, environment)
    expect(value).toEqual({ $KEY: ['value', { 'a/b': '${UNSET} value' }, 1, null, true] })
    expect(variables).toEqual([
      { pointer: '/$KEY/0', name: 'KEY', value: 'value' },
      { pointer: '/$KEY/1/a~1b', name: 'UNSET', value: undefined },
      { pointer: '/$KEY/1/a~1b', name: 'KEY', value: 'value' },
    ])
  })

  it('gives any text back whose dollars were doubled', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'K', 'E', 'Y', 'a', '_') }), (text) => {
        const { value, variables } = interpolate(text.replaceAll('$', '$$$$'), environment)
        expect(value).toBe(text)
        expect(variables).toEqual([])
      }),
    )
  })

  it('leaves any value without a dollar as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes('$'))
        expect(interpolate(value, environment).value).toEqual(value)
      }),
    )
  })
})
