import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { identify, isProven, isRunning, type ProcessIdentity } from './process-identity.ts'

const { platform } = process
afterEach(() => {
  Object.defineProperty(process, 'platform', { value: platform })
  vi.unstubAllEnvs()
})

test('a process is recognised as long as it lives, and another of the same id never', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] })
  await once(child, 'spawn')
  const identity = identify(child.pid as number)
  if (identity === undefined) throw new Error('a running process has an identity')
  expect([isRunning(identity), isProven(identity)]).toEqual([true, true])
  expect(isRunning({ ...identity, start: `${identity.start}0` })).toBe(false)
  child.stdin.end()
  await once(child, 'exit')
  expect([isRunning(identity), isProven(identity), identify(identity.pid)]).toEqual([false, false, undefined])
})

test.each([0, -1, 1.5, Number.NaN])('process id %s is nobody', (pid) => {
  expect(identify(pid)).toBeUndefined()
})

test('an identity without a start proves nothing', () => {
  expect(isProven({ pid: process.pid, start: 'unknown' })).toBe(false)
})

test('what was read from a damaged file is nobody that runs', () => {
  expect(isRunning({} as ProcessIdentity)).toBe(false)
})

test('what ps says of a process is the same in every time zone and language', () => {
  Object.defineProperty(process, 'platform', { value: 'darwin' })
  const starts = ['UTC0', 'AAA-9'].map((zone) => {
    vi.stubEnv('TZ', zone)
    return identify(process.pid)?.start
  })
  expect(starts[0]).toMatch(/:/)
  expect(starts[1]).toBe(starts[0])
})
