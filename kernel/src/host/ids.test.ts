import { expect, it } from 'vitest'
import { createIds } from './ids.ts'

it('makes distinct identifiers of a prefix and 24 letters or digits', () => {
  const newId = createIds()
  const ids = Array.from({ length: 5_000 }, () => newId('req_'))
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^req_[A-Za-z0-9]{24}$/)
})
