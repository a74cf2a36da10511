import type { Attempt, Outbound } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { createTarget } from './target.ts'
import { TrailingSignatures } from './trailing-signatures.ts'

const target = createTarget(new TrailingSignatures())
const addressOf = (model: string): string => {
  const outbound = { baseUrl: 'https://host.test/tenant/v1beta', model, stream: false } as Outbound
  return target.address(outbound, undefined, {} as Attempt).url
}

describe('the address of a model', () => {
  it.each([
    ['gemini-x', 'models/gemini-x'],
    ['models/a b', 'models/a%20b'],
    ['tunedModels/..x', 'tunedModels/..x'],
  ])('%s is asked at %s', (model, resource) => {
    expect(addressOf(model)).toBe(`https://host.test/tenant/v1beta/${resource}:generateContent`)
  })

  it.each(['../../admin', 'models/../../../other/v1beta/models/x', 'tunedModels/./x', '..', 'a/..'])(
    'never leads out of its folder: %s',
    (model) => expect(() => addressOf(model)).toThrow(/is no name of a model/),
  )

  it('is refused where no URL can hold its name', () => {
    expect(() => addressOf('a\ud800')).toThrow(expect.objectContaining({ code: 'CCR_REQUEST_INVALID' }))
  })
})
