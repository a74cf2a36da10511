import type { AttemptFailure } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { recordings } from '../test/recordings.ts'
import { target } from '../test/harness.ts'
import { createAdaptation } from './adapt.ts'

const said = (message: string, rest: object = {}): unknown => ({ error: { message, ...rest } })
const read = (body: unknown): string | undefined => target.error(body)?.message

describe('a context that is too long', () => {
  it.each([
    ['with both numbers', said('request (20019 tokens) exceeds the available context size (8192 tokens)')],
    [
      'with numbers in fields',
      said('full', { type: 'exceed_context_size_error', n_prompt_tokens: 20019, n_ctx: 8192 }),
    ],
  ])('is said in the words that clients know: %s', (_, body) => {
    expect(target.error(body)).toMatchObject({ type: 'invalid_request_error' })
    expect(read(body)).toMatch(/^prompt is too long: 20019 tokens > 8192 maximum \(the provider said: /)
  })

  it.each([
    ['a code alone', said('m', { code: 'context_length_exceeded' })],
    ['a text', 'Input is too long for requested model.'],
  ])('is said without the numbers that nobody said: %s', (_, body) => {
    expect(target.error(body)).toMatchObject({ type: 'invalid_request_error' })
    expect(read(body)).toMatch(/^prompt is too long \(the provider said: /)
  })

  it('is found in every recorded overflow', () => {
    const recorded = recordings().filter(({ name }) => /context_length_exceeded|err-context/.test(name))
    for (const { name, bytes } of recorded)
      expect(read(JSON.parse(bytes.toString('utf8'))), name).toMatch(/^prompt is too long[: ]/)
    if (recorded.length > 0) expect(recorded.length).toBeGreaterThan(4)
  })

  it('teaches nothing about the target', () => {
    const message = read(said('prompt is too long; file content'))!
    const reply = { status: 400, type: 'invalid_request_error', message } as const
    const failure: AttemptFailure = { kind: 'status', status: 400, message, reply }
    expect(createAdaptation().learn({ provider: 'p', model: 'm' }, failure, true)).toBeUndefined()
  })
})
