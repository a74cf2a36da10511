import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { takeLock } from './process-lock.ts'

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
