import { expect, test } from 'vitest'
import { waitsLine } from '../../load/start-watch-line.ts'
import { blockedAfterMs, safeModeIn, suspectIn, suspectLine, toEnvironment } from './supervision.ts'

test('the reason of safe mode travels in the environment', () => {
  const safe = { why: 'it crashed 3 times; "really"\n', suspect: "plugin 'bad' at /a b.ts:1:2" }
  expect(safeModeIn(toEnvironment(safe))).toEqual(safe)
  expect(safeModeIn(toEnvironment({ why: 'x' }))).toEqual({ why: 'x', suspect: undefined })
  expect(safeModeIn(toEnvironment(undefined))).toBeUndefined()
  expect(safeModeIn({ CCR_SAFE_MODE: 'by hand' })).toEqual({ why: 'by hand' })
})

test.each([
  [undefined, 10_000],
  ['', 10_000],
  ['1500', 1_500],
  ['0', 0],
  ['-1', 10_000],
  ['soon', 10_000],
])('CCR_BLOCKED_MS=%s means %i ms', (text, ms) => expect(blockedAfterMs({ CCR_BLOCKED_MS: text })).toBe(ms))

test('the last suspect that was named on stderr counts', () => {
  expect(suspectIn('nothing\n')).toBeUndefined()
  expect(suspectIn(`noise\n${suspectLine('first')}noise\n${suspectLine("plugin 'x'")}`)).toBe("plugin 'x'")
})

test('the code that a start waited for is a suspect too, where the start did not end', () => {
  expect(suspectIn(waitsLine('/a b/loop.ts', 5_000), true)).toBe('/a b/loop.ts')
  expect(suspectIn(waitsLine('the activation of loop', 5_000) + suspectLine('another'), true)).toBe('another')
  expect(suspectIn(waitsLine('/a b/slow.ts', 5_000))).toBeUndefined()
})
