import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { identify } from './process-identity.ts'
import { holderOf, takeLock } from './process-lock.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ccr-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a lock that cannot be read, as that of another user, is not taken over', () => {
  const file = join(folder, 'lock')
  // Stands for one that is denied, which nothing is to who may do everything.
  mkdirSync(file)
  utimesSync(file, 0, 0)
  expect(takeLock(file)).toBe(false)
  expect(existsSync(file)).toBe(true)
})

const here = identify(process.pid)!

test('a lock says whose it is, for its owner alone to read', () => {
  const file = join(folder, 'lock')
  expect(takeLock(file, { url: 'x' })).toBe(true)
  expect(holderOf(file)).toEqual({ ...here, url: 'x' })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(takeLock(file)).toBe(false)
  expect(holderOf(file)).toEqual({ ...here, url: 'x' })
})

test.each([
  ['whose holder has ended', JSON.stringify({ ...here, start: '0' }), false, true],
  ['whose holder runs, however old it is', JSON.stringify(here), true, false],
  ['that was made just now and says nothing yet', '', false, false],
  ['that has said nothing for long', '', true, true],
  ['that has said nothing of a process for long', 'null', true, true],
])('one %s is taken over or not', (_name, text, isOld, taken) => {
  const file = join(folder, 'lock')
  writeFileSync(file, text)
  if (isOld) utimesSync(file, 0, 0)
  expect(takeLock(file)).toBe(taken)
  expect(readFileSync(file, 'utf8')).toBe(taken ? JSON.stringify(here) : text)
  expect(existsSync(`${file}.takeover`)).toBe(false)
})

test('one that somebody else takes over is left to them, unless they have died over it', () => {
  const file = join(folder, 'lock')
  const text = JSON.stringify({ ...here, start: '0' })
  writeFileSync(file, text)
  writeFileSync(`${file}.takeover`, '')
  expect([takeLock(file), takeLock(file)]).toEqual([false, false])
  expect(readFileSync(file, 'utf8')).toBe(text)
  utimesSync(`${file}.takeover`, 0, 0)
  // Another try does better.
  expect([takeLock(file), takeLock(file)]).toEqual([false, true])
})
