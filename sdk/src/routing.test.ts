import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeRoute } from './kernel/describe-route.ts'
import type { Provider, RoutePlan } from './exchange.ts'
import { fitted } from './fitted.ts'
import { codeFile } from './code-file.ts'
import { canonicalTarget, decide, findTarget, passOver, RouterConfig, splitTarget, writtenRoute } from './routing.ts'
import { Type } from './typebox/index.ts'

const providers: readonly Provider[] = [
  { name: 'Mock', models: ['M-Default', 'org/model:free', 'a,b'], dialect: 'openai', local: false },
  { name: 'mock-two', models: [], dialect: 'openai', local: false },
]
const undecided: RoutePlan = { targets: [], passedOver: [] }

describe('a target as text', () => {
  it.each([
    ['mock,m-default', 'Mock', 'M-Default'],
    [' MOCK , org/MODEL:free ', 'Mock', 'org/model:free'],
    ['Mock,A,B', 'Mock', 'a,b'],
    ['Mock,unlisted/Model:Tag', 'Mock', 'unlisted/Model:Tag'],
    ['Mock-Two,x,', 'mock-two', 'x,'],
  ])('%j is %s and %s', (text, provider, model) => {
    expect(findTarget(text, providers)).toEqual({ provider, model })
  })

  it.each([
    ['model', "'model' is not provider,model"],
    ['', "'' is not provider,model"],
    ['Mock,', "'Mock,' is not provider,model"],
    [',m', "',m' is not provider,model"],
    ['gone,m', "there is no provider 'gone'"],
  ])('%j is none: %s', (text, reason) => {
    expect(findTarget(text, providers)).toBe(reason)
  })

  const part = fc.string({ unit: 'grapheme' }).map((text) => text.trim())
  const name = part.filter((text) => !text.includes(','))

  it('is split at the first comma, whatever stands behind it', () => {
    fc.assert(
      fc.property(name, part, (provider, model) => {
        expect(splitTarget(`${provider},${model}`)).toEqual({ provider, model })
        expect(splitTarget(provider)).toBeUndefined()
      }),
    )
  })

  it('is found in any spelling of its case', () => {
    const upper = fc.array(fc.boolean(), { minLength: 20, maxLength: 20 })
    fc.assert(
      fc.property(fc.constantFrom('Mock,M-Default', 'Mock,org/model:free', 'Mock,a,b'), upper, (text, flips) => {
        const spelled = [...text]
          .map((letter, at) => (flips[at] ? letter.toUpperCase() : letter.toLowerCase()))
          .join('')
        expect(canonicalTarget(splitTarget(spelled)!, providers)).toEqual(splitTarget(text))
      }),
    )
  })
})

describe('Router', () => {
  const faults = (config: unknown): readonly string[] => fitted(RouterConfig, config).faults
  const provider = { name: 'p', models: [], dialect: 'openai', local: false }

  it.each([
    ['default', (text: string) => ({ default: text })],
    ['think', (text: string) => ({ think: text })],
    ['a family', (text: string) => ({ families: { opus: { background: text } } })],
    ['a table', (text: string) => ({ agents: { '*': text } })],
  ])('takes provider,model and what an editor leaves empty for %s, and nothing else', (_, config) => {
    for (const text of ['p,m', ' p , m ', 'p,a/b:c,d', '', ' ']) expect(faults(config(text))).toEqual([])
    for (const text of ['gpt-4', 'p,', ',m', ' , m', 'p, ', ',']) expect(faults(config(text))).not.toEqual([])
  })

  it('takes any text that is found to name a target', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('p', ',', ' ', '\n', '/') }), (text) => {
        const target = splitTarget(text)
        const isTarget = target !== undefined && target.provider !== '' && target.model !== ''
        expect(faults({ default: text }).length === 0).toBe(isTarget || writtenRoute(text) === undefined)
        if (target?.provider === 'p' && isTarget) expect(findTarget(text, [provider])).toEqual(target)
      }),
    )
  })
})

describe('a plan', () => {
  const target = { provider: 'Mock', model: 'x' }

  it('says as one line who decided, by which rule, and what was asked for in vain', () => {
    const looked = passOver(undecided, { rule: 'a', reason: 'no' }, { rule: 'b', reason: 'gone', unmatched: true })
    const decision = { target, decidedBy: 'route-x', source: 'config', rule: 'Router.x', family: 'opus' } as const
    expect(describeRoute(decide(looked, { ...decision, scenario: 'think' }))).toBe(
      'think; family=opus; by=route-x; rule=Router.x; unmatched=b: gone',
    )
    expect(describeRoute({ ...undecided, source: 'explicit', targets: [target] })).toBe('explicit')
    expect(describeRoute()).toBe('')
  })

  it('stays the same when nothing more was passed over', () => {
    expect(passOver(undecided)).toBe(undecided)
  })
})

describe('codeFile', () => {
  const schema = Type.Object({ MINE: Type.Optional(codeFile('Code.')) })

  it('takes a path from a config, and keeps the code that stands in its place', () => {
    const exported = (): number => 1
    expect(fitted(schema, { MINE: './mine.ts' }).faults).toEqual([])
    const { value, faults } = fitted(schema, {
      MINE: { file: '/mine.ts', hash: 'h', exported, placeOf: () => undefined },
    })
    expect(faults).toEqual([])
    expect(value.MINE?.exported).toBe(exported)
    expect(fitted(schema, { MINE: 5 }).faults).not.toEqual([])
  })
})
