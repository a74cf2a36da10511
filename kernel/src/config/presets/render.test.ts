import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePlace, withValueAt } from './places.ts'
import { renderPreset } from './render.ts'
import type { PresetManifest } from './schema.ts'

const render = (more: object, answers: Readonly<Record<string, unknown>>, ids = Object.keys(answers)): unknown =>
  renderPreset(
    { name: 'a', version: '1', schema: ids.map((id) => ({ id })), ...more } as never as PresetManifest,
    answers,
  )

describe('a preset', () => {
  it('is filled with answers in both spellings, always as text', () => {
    const Router = { default: 'p,#{model}', think: '{{ model }}', size: '#{size}', many: '#{list}' }
    expect(render({ Router }, { model: 'm', size: 5, list: ['x', 'y'] })).toEqual({
      Router: { default: 'p,m', think: 'm', size: '5', many: 'x,y' },
    })
  })

  it('keeps braces that name no input, and fills nothing twice', () => {
    const StatusLine = { text: '{{workDirName}} {{a}}' }
    expect(render({ StatusLine }, { a: '#{b}', b: 'x' })).toEqual({ StatusLine: { text: '{{workDirName}} #{b}' } })
  })

  it('takes null for absent wherever it comes from', () => {
    const configMappings = [{ target: 'Router.image', value: null }]
    expect(render({ Router: { default: 'p,m', image: 'p,i' }, configMappings }, {})).toEqual({
      Router: { default: 'p,m' },
    })
  })

  it('has nothing in the place of an optional input without answer', () => {
    expect(render({ Router: { default: 'p#{a}' } }, {}, ['a'])).toEqual({ Router: { default: 'p' } })
  })

  it('is not put together to the name of a file, which only an answer may be', () => {
    for (const text of ['#{a}/etc/passwd', '.{{a}}./x', 'file#{a}:x']) {
      expect(() => render({ Own: text }, { a: '' })).toThrow(/makes the name of a file/)
      expect(() => render({ configMappings: [{ target: 'Own', value: [text] }] }, { a: '' })).toThrow(/name of a file/)
    }
    expect(render({ Own: '#{a}/x', Url: '#{b}/v1' }, { a: '/mine', b: 'https://x' })).toEqual({
      Own: '/mine/x',
      Url: 'https://x/v1',
    })
  })

  it('that repeats a long answer is refused before it fills the memory', () => {
    const long = { Own: Array.from({ length: 100 }, () => '#{a}'.repeat(1000)) }
    expect(() => render(long, { a: 'x'.repeat(1000) })).toThrow(/repeats answers to more than 8388608 characters/)
    const mapped = { configMappings: [{ target: 'Own.a', value: long.Own }] }
    expect(() => render(mapped, { a: 'x'.repeat(1000) })).toThrow(/repeats answers/)
  })

  it('comes from its template, unless nothing was answered and it has a configuration of its own', () => {
    const both = { template: { Router: { default: 't,#{a}' } }, Router: { default: 'own' } }
    expect(render(both, { a: 'x' })).toEqual({ Router: { default: 't,x' } })
    expect(render(both, {}, ['a'])).toEqual({ Router: { default: 'own' } })
    expect(render({ template: { Router: { default: 't' } } }, {})).toEqual({ Router: { default: 't' } })
  })

  it('has mappings applied in order, where their conditions hold; a whole placeholder keeps its type', () => {
    const configMappings = [
      { target: 'Providers[0].models', value: '#{models}' },
      { target: 'Providers[0].limit', value: '{{limit}}' },
      { target: 'Providers[0].name', value: 'x-#{limit}', when: { field: 'limit', operator: 'gt', value: 4 } },
      { target: 'Providers[0].never', value: 1, when: { field: 'limit', operator: 'gt', value: 5 } },
      { target: 'Own.on', value: '#{on}' },
    ]
    expect(render({ Providers: [{ name: 'p' }], configMappings }, { models: ['a'], limit: 5, on: false })).toEqual({
      Providers: [{ name: 'x-5', models: ['a'], limit: 5 }],
      Own: { on: false },
    })
  })

  it('takes answers whose id is a place', () => {
    expect(render({ Providers: [{ name: 'p' }] }, { 'Providers[0].api_key': 'k' })).toEqual({
      Providers: [{ name: 'p', api_key: 'k' }],
    })
  })
})

describe('a place', () => {
  it.each(['', '[0]', 'a.', '.a', 'a[', 'a[x]', 'a[-1]', 'a..b', 'a b', 'a[1000]', '#{a}'])('is not %j', (text) => {
    expect(parsePlace(text)).toBeUndefined()
  })

  it('of any depth is written, and nothing else changes', () => {
    const key = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.nat(3))
    const json = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue({ maxDepth: 2 }))
    fc.assert(
      fc.property(
        json,
        fc.tuple(fc.constantFrom('a', 'b'), fc.array(key, { maxLength: 3 })),
        (whole, [first, rest]) => {
          const keys = [first, ...rest]
          const before = JSON.stringify(whole)
          const after = withValueAt(whole, keys, 'new') as Record<string, unknown>
          expect(keys.reduce<unknown>((at, one) => (at as Record<string | number, unknown>)[one], after)).toBe('new')
          expect(JSON.stringify(whole)).toBe(before)
          for (const other of Object.keys(whole)) if (other !== first) expect(after[other]).toEqual(whole[other])
        },
      ),
    )
  })
})
