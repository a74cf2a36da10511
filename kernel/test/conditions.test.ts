import { createTestKernel } from '@ccr/sdk/testing'
import type { Condition } from '@ccr/kernel'
import type { TestAnswer } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { answerEvents, hello, lines, plainDialect, plugin, routeTo } from './support/plugins.ts'

const answer = (): TestAnswer => ({
  headers: { 'content-type': 'application/jsonl' },
  body: Buffer.from(lines(answerEvents('hi')).join('')),
})

describe('the condition of an entry', () => {
  const hooks = ['onRequest', 'selectRoute', 'transformRequest', 'transformStream', 'onError', 'onUsage']
  const target = (name: string): Condition => ({ target: ({ provider }) => provider === name })
  const dialect = (name: string): Condition => ({ exchange: (exchange) => exchange.dialect === name })
  const cases: Readonly<Record<string, [Condition, readonly string[]]>> = {
    'that holds for the exchange': [dialect('plain'), hooks],
    'that does not hold for the exchange': [dialect('other'), []],
    'that holds for the target': [target('first'), hooks],
    'that does not hold for the target': [target('third'), ['onRequest', 'selectRoute']],
    'of which half holds': [{ ...target('first'), ...dialect('other') }, []],
  }

  it.each(Object.entries(cases))('%s', async (_, [when, expected]) => {
    const seen = new Set<string>()
    const noted = plugin('noted', (ctx) => {
      for (const hook of hooks) ctx.on(hook as 'onUsage', () => void seen.add(hook))
    })
    let asked = 0
    const kernel = await createTestKernel({
      plugins: [plainDialect, { plugin: noted, when }, routeTo('first')],
      providers: [{ name: 'first', dialect: 'plain' }],
      upstream: () => (asked++ === 0 ? { status: 500 } : answer()),
    })
    await kernel.request({ path: '/plain', body: hello })
    await kernel.request({ path: '/plain', body: hello })
    expect([...seen].sort()).toEqual([...expected].sort())
    await kernel.dispose()
  })

  it('chooses for each target of one exchange', async () => {
    const seen: string[] = []
    const noted = plugin('noted', (ctx) => {
      ctx.on('transformRequest', (_, attempt) => void seen.push(attempt.target.provider))
    })
    const next = plugin('next', (ctx) => ctx.on('onError', () => ({ action: 'next' as const })))
    const kernel = await createTestKernel({
      plugins: [plainDialect, { plugin: noted, when: target('second') }, next, routeTo('first', 'second')],
      providers: [
        { name: 'first', dialect: 'plain', baseUrl: 'http://first/' },
        { name: 'second', dialect: 'plain', baseUrl: 'http://second/' },
      ],
      upstream: ({ url }) => (url.includes('first') ? { status: 500 } : answer()),
    })
    for (let turn = 0; turn < 3; turn++) {
      expect((await kernel.request({ path: '/plain', body: hello })).status).toBe(200)
    }
    expect(seen).toEqual(['second', 'second', 'second'])
    await kernel.dispose()
  })

  it('and the placement of an entry count anew, though its instance stays', async () => {
    const notes: string[] = []
    const noted = (name: string) =>
      plugin(name, (ctx) => {
        notes.push(`+${name}`)
        ctx.on('onRequest', () => void notes.push(name))
      })
    const [first, second] = [noted('first'), noted('second')]
    const echo = plugin('answer', (ctx) =>
      ctx.on('onRequest', () => ({
        reply: { failure: { status: 400, type: 'invalid_request_error', message: 'no' } },
      })),
    )
    const kernel = await createTestKernel({ plugins: [plainDialect, first, second, echo] })
    await kernel.request({ path: '/plain', body: hello })
    await kernel.reload([
      plainDialect,
      { plugin: first, after: ['second'] },
      { plugin: second, before: ['answer'] },
      echo,
    ])
    await kernel.request({ path: '/plain', body: hello })
    await kernel.reload([plainDialect, { plugin: first, when: dialect('other') }, second, echo])
    await kernel.request({ path: '/plain', body: hello })
    expect(notes).toEqual(['+first', '+second', 'first', 'second', 'second', 'first', 'second'])
    await kernel.dispose()
  })

  it('on a target does not hold for the usage of a request that came to none', async () => {
    const seen: string[] = []
    const noted = plugin('noted', (ctx) => ctx.on('onUsage', () => void seen.push('usage')))
    const refusing = plugin('refusing', (ctx) =>
      ctx.on('onRequest', () => ({
        reply: { failure: { status: 400, type: 'invalid_request_error', message: 'no' } },
      })),
    )
    const conditional = { plugin: noted, when: target('first') }
    const kernel = await createTestKernel({ plugins: [plainDialect, refusing, conditional] })
    expect((await kernel.request({ path: '/plain', body: hello })).status).toBe(400)
    expect(seen).toEqual([])
    expect(kernel.warnings).toEqual([])
    await kernel.dispose()
  })
})

describe('a model that is not as its provider is', () => {
  it('is tried with its own dialect, and not at all where it is left out', async () => {
    const seen: string[] = []
    const noted = plugin('noted', (ctx) => {
      ctx.on('transformRequest', (_, { target, provider }) => {
        seen.push(`${target.provider} ${provider.dialect} ${String(provider.dialectOptions?.['loud'])}`)
      })
    })
    const without = new Map([['MODEL', undefined]])
    const own = new Map([['MODEL', { dialectOptions: { loud: true } }]])
    const kernel = await createTestKernel({
      plugins: [plainDialect, noted, routeTo('first', 'second')],
      providers: [
        { name: 'first', dialect: 'plain', ofModels: without },
        { name: 'second', dialect: 'plain', ofModels: own },
      ],
      upstream: answer,
    })
    expect((await kernel.request({ path: '/plain', body: hello })).status).toBe(200)
    expect(seen).toEqual(['second plain true'])
    const { providerList } = kernel.kernel.current!.main
    expect(providerList.map(({ models }) => models)).toEqual([[], ['model']])
    await kernel.dispose()
  })

  it('is told of where there is no other target', async () => {
    const kernel = await createTestKernel({
      plugins: [plainDialect, routeTo('first')],
      providers: [{ name: 'first', dialect: 'plain', ofModels: new Map([['model', { dialect: 'none' }]]) }],
    })
    const { status, text } = await kernel.request({ path: '/plain', body: hello })
    expect([status, text]).toEqual([404, expect.stringContaining("model 'model' of provider 'first' is left out")])
    expect(kernel.kernel.current!.failures).toMatchObject([
      {
        subject: "provider 'first' (model 'model')",
        message: "no plugin speaks the dialect 'none' to providers; there are plain",
      },
    ])
    await kernel.dispose()
  })
})
