import { describe, expect, it } from 'vitest'
import { changeBody } from './change-body.ts'
import type { Attempt, Outbound } from './exchange.ts'
import type { HookHandlers } from './hooks.ts'
import type { PluginContext } from './plugin.ts'

const body = { model: 'm' }
const outbound: Outbound = { dialect: 'openai', baseUrl: 'http://a', model: 'm', stream: false, body, headers: {} }

/** The handler that is registered, run on a request, and where it was placed. */
function run(dialect: string, change: () => object | undefined | Promise<object | undefined>) {
  let result: unknown
  let placed: unknown
  const on = (_: string, handler: HookHandlers['transformRequest'], placement: unknown): void => {
    placed = placement
    result = handler(outbound, {} as Attempt)
  }
  changeBody({ on } as unknown as PluginContext, dialect, change)
  return { result, placed }
}

describe('changeBody', () => {
  it('puts the new body in the place of the old one, and keeps the rest', () => {
    expect(run('openai', () => ({ n: 1 })).result).toEqual({ ...outbound, body: { n: 1 } })
  })

  it('leaves the request as it is for nothing, and for the very body', () => {
    expect(run('openai', () => undefined).result).toBeUndefined()
    expect(run('openai', () => body).result).toBeUndefined()
  })

  it('waits for a promise, and makes none of its own, which would cost a timer', async () => {
    const { result } = run('openai', () => Promise.resolve({ n: 1 }))
    expect(result).toBeInstanceOf(Promise)
    expect(await result).toEqual({ ...outbound, body: { n: 1 } })
    expect(await run('openai', () => Promise.resolve(body)).result).toBeUndefined()
  })

  it.each([
    ['canonical', { stage: 'canonical' }],
    ['openai', { stage: 'wire', dialect: 'openai' }],
    ['*', { stage: 'wire', dialect: '*' }],
  ])('reads bodies of %s where they are', (dialect, placement) => {
    expect(run(dialect, () => undefined).placed).toEqual(placement)
  })
})
