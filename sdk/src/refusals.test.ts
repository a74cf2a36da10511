import { describe, expect, it } from 'vitest'
import type { Attempt } from './exchange.ts'
import type { AttemptFailure } from './failure.ts'
import { createRefusals, refusalOf } from './refusals.ts'

type Trait = 'first' | 'second'
const TRAITS: readonly Trait[] = ['first', 'second']
const target = { provider: 'p', model: 'm' }
const firstNew = (known: ReadonlySet<Trait>): Trait | undefined => TRAITS.find((trait) => !known.has(trait))

describe('what a target refuses', () => {
  it('is remembered one trait at a time, and nothing is learned where nothing is found', () => {
    const refusals = createRefusals<Trait>()
    expect(refusals.learn(target, () => undefined)).toBeUndefined()
    expect(refusals.refusedBy(target).size).toBe(0)
    expect([1, 2, 3].map(() => refusals.learn(target, firstNew))).toEqual(['first', 'second', undefined])
    expect([...refusals.refusedBy({ ...target })]).toEqual(TRAITS)
  })

  it('is news of each attempt that was sent with it, and of none that was sent without', () => {
    const refusals = createRefusals<Trait>()
    const [one, other] = [{}, {}] as Attempt[]
    for (const attempt of [one, other]) refusals.refusedBy(target, attempt)
    for (const attempt of [one, other]) expect(refusals.learn(target, firstNew, attempt)).toBe('first')
    expect([...refusals.refusedBy(target, other)]).toEqual(['first'])
    expect(refusals.learn(target, firstNew, other)).toBe('second')
  })

  it.each([
    ['model', { provider: 'p', model: 'other' }],
    ['provider', { provider: 'other', model: 'm' }],
  ])('says nothing of another %s', (_what, other) => {
    const refusals = createRefusals<Trait>()
    refusals.learn(target, firstNew)
    expect(refusals.refusedBy(other).size).toBe(0)
  })

  it('is remembered of a bounded number of targets, of which the one that taught longest ago goes', () => {
    const refusals = createRefusals<Trait>()
    const sizeOf = (model: string): number => refusals.refusedBy({ provider: 'p', model }).size
    for (let model = 0; model < 1000; model++) refusals.learn({ provider: 'p', model: `${model}` }, firstNew)
    refusals.learn({ provider: 'p', model: '0' }, firstNew)
    refusals.learn({ provider: 'p', model: '1000' }, firstNew)
    expect(['0', '1', '2', '1000'].map(sizeOf)).toEqual([2, 0, 1, 1])
  })
})

describe('a refusal', () => {
  const failure: AttemptFailure = {
    kind: 'status',
    status: 400,
    message: 'unknown field',
    reply: { status: 400, type: 'invalid_request_error', message: 'm' },
  }

  it('is what an upstream says with one of the statuses', () => {
    expect(refusalOf(failure, [400, 422])).toBe('unknown field')
    expect(refusalOf({ ...failure, status: 422 }, [400, 422])).toBe('unknown field')
  })

  it.each<readonly [string, Partial<AttemptFailure>]>([
    ['another status', { status: 429 }],
    ['no status', { status: undefined }],
    ['an error inside of an answer', { kind: 'reported' }],
    ['a prompt that does not fit', { message: 'prompt is too long: 9 tokens > 8 maximum' }],
  ])('is not %s', (_what, fields) => {
    expect(refusalOf({ ...failure, ...fields }, [400, 422])).toBeUndefined()
  })
})
