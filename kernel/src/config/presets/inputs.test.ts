import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkAnswers, holds, optionsOf, orderedInputs, parseAnswer } from './inputs.ts'
import type { PresetInput, PresetManifest } from './schema.ts'

const manifest = (schema: readonly object[], more: object = {}): PresetManifest =>
  ({ name: 'a', version: '1', schema, ...more }) as unknown as PresetManifest
const input = (one: object): PresetInput => ({ id: 'a', ...one }) as PresetInput

describe('a condition', () => {
  it.each([
    ['eq', 'x', 'x', true],
    ['eq', 1, '1', false],
    ['ne', 'x', 'y', true],
    ['ne', 'x', 'x', false],
    ['in', 'x', ['x', 'y'], true],
    ['in', 'z', ['x', 'y'], false],
    ['in', 'x', 'xyz', false],
    ['nin', 'z', ['x'], true],
    ['nin', 'x', ['x'], false],
    ['gt', 2, 1, true],
    ['gt', 1, 1, false],
    ['gt', '2', 1, false],
    ['lt', 1, 2, true],
    ['lt', undefined, 2, false],
    ['gte', 1, 1, true],
    ['lte', 2, 1, false],
    ['exists', false, undefined, true],
    ['exists', undefined, undefined, false],
    ['exists', null, undefined, false],
    ['exists', undefined, false, true],
  ] as const)('%s of %j and %j is %s', (operator, answer, value, expected) => {
    expect(holds({ field: 'a', operator, value }, { a: answer })).toBe(expected)
  })

  it('is equality unless it says otherwise; of a list all must hold; an inherited member is no answer', () => {
    expect(holds({ field: 'a', value: 1 }, { a: 1 })).toBe(true)
    expect(
      holds(
        [
          { field: 'a', value: 1 },
          { field: 'b', value: 2 },
        ],
        { a: 1, b: 3 },
      ),
    ).toBe(false)
    expect(holds([], {})).toBe(true)
    expect(holds({ field: 'toString', operator: 'exists' }, {})).toBe(false)
  })
})

describe('inputs', () => {
  it('come behind those that decide about them, in any order of the manifest, each once', () => {
    const ids = ['a', 'b', 'c', 'd', 'e']
    const edges = fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 8 })
    fc.assert(
      fc.property(edges, fc.shuffledSubarray(ids, { minLength: 5 }), (pairs, order) => {
        // Only ever from a later letter to an earlier one: such edges have no cycle.
        const before = (id: string): string[] =>
          pairs.filter(([x, y]) => ids[Math.max(x, y)] === id && x !== y).map(([x, y]) => ids[Math.min(x, y)]!)
        const sorted = orderedInputs(manifest(order.map((id) => ({ id, dependsOn: before(id) })))).map(({ id }) => id)
        expect([...sorted].sort()).toEqual(ids)
        for (const id of ids) for (const one of before(id)) expect(sorted.indexOf(one)).toBeLessThan(sorted.indexOf(id))
      }),
    )
  })

  it('that wait for each other are all asked', () => {
    const round = manifest([
      { id: 'a', when: { field: 'b', value: 1 } },
      { id: 'b', dependsOn: ['a'] },
    ])
    expect(orderedInputs(round)).toHaveLength(2)
  })

  it('offer what the manifest holds, now', () => {
    const Providers = [
      { name: 'p', models: ['x', 'y'] },
      { name: 'q', models: ['z'] },
    ]
    const offered = (options: object, answers: object = {}): unknown =>
      optionsOf(input({ type: 'select', options }), manifest([], { Providers }), answers as never)?.map(
        (one) => one.value,
      )
    expect(offered({ type: 'providers' })).toEqual(['p', 'q'])
    for (const providerField of ['#{p}', '{{p}}', 'p']) {
      expect(offered({ type: 'models', providerField }, { p: 'q' })).toEqual(['z'])
    }
    expect(offered({ type: 'models', providerField: 'p' })).toEqual([])
    expect(offered({ type: 'static', options: [{ label: 'l', value: 1 }] })).toEqual([1])
    expect(offered([{ label: 'l', value: true }])).toEqual([true])
    expect(offered({ type: 'custom' })).toEqual([])
    expect(optionsOf(input({ type: 'input', options: [] }), manifest([]), {})).toBeUndefined()
  })

  const options = [
    { label: 'one', value: 'one' },
    { label: 'two', value: 2 },
    { label: 'off', value: 'off', disabled: true },
  ]
  it.each([
    [{ type: 'number', min: 2, max: 4 }, '3', 3, undefined],
    [{ type: 'number', min: 2 }, '1', undefined, 'must be 2 or more'],
    [{ type: 'number', max: 4 }, '5', undefined, 'must be 4 or less'],
    [{ type: 'number' }, 'x', undefined, 'must be a number'],
    [{ type: 'confirm' }, 'yes', true, undefined],
    [{ type: 'confirm' }, 'FALSE', false, undefined],
    [{ type: 'confirm' }, 'maybe', undefined, 'must be true or false'],
    [{ type: 'select', options }, '2', 2, undefined],
    [{ type: 'select', options }, 'off', undefined, 'must be one of one, 2'],
    [{ type: 'multiselect', options }, 'one, 2', ['one', 2], undefined],
    [{ type: 'multiselect', options }, 'one,three', undefined, 'must be a list of one, 2'],
    [{ type: 'password' }, 'x=y', 'x=y', undefined],
    [{ type: 'editor' }, 'x\ny', 'x\ny', undefined],
    [{}, 'x', 'x', undefined],
  ])('%j takes %j as %j (%s)', (one, text, expected, fault) => {
    const asked = manifest([input(one)])
    const offered = optionsOf(input(one), asked, {})
    const { answers, faults } = checkAnswers(asked, { a: parseAnswer(input(one), text, offered) })
    expect(faults.map(({ fact }) => fact)).toEqual(fault === undefined ? [] : [fault])
    expect(answers['a']).toEqual(expected)
    // A config may say the same as text, where it comes from an environment variable.
    expect(checkAnswers(asked, { a: text }).answers['a']).toEqual(expected)
  })

  it('that are hidden count for nothing; defaults answer; what is required and unanswered is named', () => {
    const asked = manifest([
      { id: 'kind', type: 'select', options: [{ label: 'x', value: 'x' }], defaultValue: 'x' },
      { id: 'key', type: 'password', when: { field: 'kind', value: 'x' } },
      { id: 'hidden', when: { field: 'kind', value: 'y' } },
      { id: 'note', required: false },
      { id: 'empty' },
    ])
    const { answers, missing } = checkAnswers(asked, { hidden: 'secret', empty: '' })
    expect(answers).toEqual({ kind: 'x' })
    expect(missing.map(({ id }) => id)).toEqual(['key', 'empty'])
  })
})
