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
