import { expect, test } from 'vitest'
import { nextSteps } from './next-steps.ts'

test.each([
  ['a script', {}, false, ''],
  ['another npm script', { npm_lifecycle_event: 'test' }, false, ''],
  ['a terminal', {}, true, '  ccr code'],
  ['npx on a terminal', { npm_lifecycle_event: 'npx' }, true, '  npx ccr code'],
  ['npx in a script', { npm_lifecycle_event: 'npx' }, false, ''],
  ['npm start', { npm_lifecycle_event: 'start' }, false, '  npx ccr code'],
])('%s', (_name, env, isTerminal, expected) => {
  expect(nextSteps(env, 'http://127.0.0.1:1', isTerminal).join('\n')).toContain(expected)
  if (expected === '') expect(nextSteps(env, 'http://127.0.0.1:1', isTerminal)).toEqual([])
})
