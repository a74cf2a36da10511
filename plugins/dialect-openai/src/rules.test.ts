import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** The rules of requests, answers and streams in this protocol. */
const FIRST = 33
const LAST = 116

it('every rule from 33 to 116 is named by a test', () => {
  const folder = new URL('.', import.meta.url)
  const tests = readdirSync(folder).filter((name) => name.endsWith('.test.ts'))
  const text = tests.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')
  const named = new Set([...text.matchAll(/['`(, ]rule (\d+)\b/g)].map(([, rule]) => Number(rule)))
  const all = Array.from({ length: LAST - FIRST + 1 }, (_, at) => FIRST + at)
  expect(all.filter((rule) => !named.has(rule))).toEqual([])
})
