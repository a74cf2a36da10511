import { expect, it } from 'vitest'
import { Calibration } from './calibration.ts'

const tokens = { input: 150, cacheRead: 0, cacheCreation: 0, output: 1, reasoning: 0 }
const request = (model: string, user_id?: string) => ({ model, messages: [], metadata: { user_id } })

it('learns by session and by model, and keeps no names that could fill the memory', () => {
  const calibration = new Calibration()
  calibration.learn(request('a', 'u'), 100, tokens)
  calibration.learn(request('b', 'u'.repeat(2000)), 100, tokens)
  calibration.learn(request('m'.repeat(2000)), 100, tokens)
  const learned = [request('a', 'u'), request('a'), request('b'), request('m'.repeat(2000)), request('x')]
  expect(learned.map((one) => calibration.ratio(one))).toEqual([1.5, 1.5, 1.5, 1, 1])
})

it('of a session is not that of the model, once both are known', () => {
  const calibration = new Calibration()
  calibration.learn(request('a', 'u'), 100, tokens)
  calibration.learn(request('a', 'v'), 200, tokens)
  expect(['u', 'v', 'w'].map((user) => calibration.ratio(request('a', user)))).toEqual([1.5, 0.75, 0.75])
})

it.each([
  ['what was sent and what was cached', { ...tokens, input: 100, cacheRead: 30, cacheCreation: 7 }, 100, 1.37],
  ['no more than twice as many', { ...tokens, input: 900 }, 100, 2],
  ['no less than half as many', { ...tokens, input: 10 }, 100, 0.5],
  ['nothing of nothing', { ...tokens, input: 0 }, 100, 1],
  ['nothing where nothing was estimated', tokens, 0, 1],
])('learns of %s', (_name, counts, estimate, ratio) => {
  const calibration = new Calibration()
  calibration.learn(request('a'), estimate, counts)
  expect(calibration.ratio(request('a'))).toBe(ratio)
})

it('knows whose count a session has, while that is near the estimate', () => {
  const calibration = new Calibration()
  const [target, other] = [
    { provider: 'p', model: 'm' },
    { provider: 'p', model: 'n' },
  ]
  const session = request('a', 'u')
  const knows = (by = target, asked = session): boolean => calibration.knowsSession(asked, by)
  expect(knows()).toBe(false)
  calibration.learn(session, 100, tokens, target)
  expect([knows(), knows(other), calibration.knowsSession(session, undefined)]).toEqual([true, false, false])
  expect([knows(target, request('a')), knows(target, request('a', 'v'))]).toEqual([false, false])
  calibration.learn(session, 100, { ...tokens, input: 201 }, target)
  expect(knows()).toBe(false)
  calibration.learn(session, 100, { ...tokens, input: 200 }, target)
  expect(knows()).toBe(true)
  calibration.learn(session, 100, tokens)
  expect(knows()).toBe(false)
  const long = { provider: 'p', model: 'm'.repeat(1000) }
  calibration.learn(session, 100, tokens, long)
  expect(knows(long)).toBe(false)
})

it('forgets the session that was asked longest ago', () => {
  const calibration = new Calibration()
  // The model takes a place of its own, and is as young as its last session.
  for (let user = 0; user < 999; user++) calibration.learn(request('a', `${user}`), 100, tokens)
  calibration.learn(request('a', '0'), 100, { ...tokens, input: 120 })
  calibration.learn(request('a', 'late'), 100, { ...tokens, input: 130 })
  expect(['0', '1', '2', 'late'].map((user) => calibration.ratio(request('a', user)))).toEqual([1.2, 1.3, 1.5, 1.3])
})
