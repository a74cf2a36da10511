import { createTestKernel } from '@ccr/sdk/testing'
import type { PluginContext } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { echo, hello, plainDialect, plugin } from './support/plugins.ts'

const request = { path: '/plain', body: hello }

/** Other code at every call, over one kept counter. */
const counting = (seen: number[], version = 1, more: (ctx: PluginContext) => void = () => undefined) =>
  plugin('counting', (ctx) => {
    const counter = ctx.state('requests', version, () => ({ count: 0 }))
    ctx.on('onRequest', () => void seen.push(++counter.count))
    more(ctx)
  })

describe('state', () => {
  it('continues over 50 reloads of the code', async () => {
    const seen: number[] = []
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, counting(seen)] })
    for (let reload = 0; reload < 50; reload++) {
      await kernel.reload([plainDialect, echo, counting(seen)])
      expect((await kernel.request(request)).status).toBe(200)
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
    expect(kernel.warnings).toEqual([])
    await kernel.dispose()
  })

  it('continues where it is first asked for by a request', async () => {
    const seen: number[] = []
    const late = () =>
      plugin('late', (ctx) =>
        ctx.on('onRequest', () => void seen.push(++ctx.state('requests', 1, () => ({ count: 0 })).count)),
      )
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, late()] })
    for (let reload = 0; reload < 2; reload++) {
      await kernel.request(request)
      await kernel.reload([plainDialect, echo, late()])
    }
    await kernel.request(request)
    expect(seen).toEqual([1, 2, 3])
    await kernel.dispose()
  })

  it('is dropped, and the log says so, when another version of it is asked for', async () => {
    const seen: number[] = []
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, counting(seen)] })
    await kernel.request(request)
    await kernel.reload([plainDialect, echo, counting(seen, 2)])
    await kernel.request(request)
    expect(seen).toEqual([1, 1])
    expect(kernel.warnings).toEqual(['a kept state of another version was dropped'])
    await kernel.dispose()
  })

  it('is left as it was by a change that fails after asking for another version', async () => {
    const seen: number[] = []
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, counting(seen)] })
    await kernel.request(request)
    const bad = counting(seen, 2, () => {
      throw new Error('boom')
    })
    await expect(kernel.reload([plainDialect, echo, bad])).rejects.toThrow(/boom/)
    await kernel.reload([plainDialect, echo, counting(seen)])
    await kernel.request(request)
    expect(seen).toEqual([1, 2])
    expect(kernel.warnings).toEqual([])
    await kernel.dispose()
  })

  it('belongs to one entry of one profile', async () => {
    const seen: number[] = []
    const plugins = [plainDialect, echo, counting(seen), { plugin: counting(seen), id: 'again/requests' }]
    const kernel = await createTestKernel({
      plugins,
      profiles: { other: { plugins: [plainDialect, echo, counting(seen)] } },
    })
    await kernel.request(request)
    await kernel.request({ ...request, profile: 'other' })
    expect(seen).toEqual([1, 1, 1])
    await kernel.dispose()
  })

  it('is not handed to another plugin that takes over the id of an entry', async () => {
    const got: unknown[] = []
    const first = plugin('first', (ctx) => void ctx.state('value', 1, () => new Map()))
    const second = plugin('second', (ctx) => void got.push(ctx.state('value', 1, () => 'its own')))
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, { plugin: first, id: 'same' }] })
    await kernel.reload([plainDialect, echo, { plugin: second, id: 'same' }])
    expect(got).toEqual(['its own'])
    await kernel.dispose()
  })

  it('is not dropped by old code that asks for its own version while it drains', async () => {
    let resume!: () => void
    const resumed = new Promise<void>((resolve) => (resume = resolve))
    const seen: number[] = []
    const old = plugin('counting', (ctx) =>
      ctx.on('onRequest', async () => {
        await resumed
        ctx.state('requests', 1, () => ({ count: 0 }))
      }),
    )
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, old] })
    const slow = kernel.request(request)
    await kernel.reload([plainDialect, echo, counting(seen, 2)])
    await kernel.request(request)
    resume()
    await slow
    await kernel.reload([plainDialect, echo, counting(seen, 2)])
    await kernel.request(request)
    expect(seen).toEqual([1, 2])
    await kernel.dispose()
  })

  it('is that of the code in use, also when a change brings back code that still drains', async () => {
    let resume!: () => void
    const resumed = new Promise<void>((resolve) => (resume = resolve))
    const seen: number[] = []
    const first = counting(seen, 1, (ctx) => ctx.on('onRequest', () => (seen.length === 1 ? resumed : undefined)))
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, first] })
    const slow = kernel.request(request)
    await kernel.reload([plainDialect, echo, counting([], 2)])
    await kernel.reload([plainDialect, echo, first])
    await kernel.request(request)
    await kernel.reload([plainDialect, echo, counting(seen)])
    await kernel.request(request)
    resume()
    await slow
    expect(seen).toEqual([1, 2, 3])
    await kernel.dispose()
  })

  it('goes when the last exchange of an entry that was removed is over', async () => {
    const seen: number[] = []
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, counting(seen)] })
    await kernel.request(request)
    await kernel.reload([plainDialect, echo])
    await kernel.reload([plainDialect, echo, counting(seen)])
    await kernel.request(request)
    expect(seen).toEqual([1, 1])
    await kernel.dispose()
  })
})

describe('work while live', () => {
  it('runs where new exchanges come to, and stops at the swap though old exchanges still run', async () => {
    const notes: string[] = []
    let finish!: () => void
    const running = new Promise<void>((resolve) => (finish = resolve))
    const polling = (name: string) =>
      plugin('polling', (ctx) => {
        ctx.whileLive(() => {
          notes.push(`+${name}`)
          return () => void notes.push(`-${name}`)
        })
        ctx.effect(() => void notes.push(`disposed ${name}`))
        if (name === 'old') ctx.on('onRequest', () => running)
      })
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, polling('old')] })
    const slow = kernel.request(request)
    const young = polling('new')
    await kernel.reload([plainDialect, echo, young])
    await kernel.reload([plainDialect, echo, young, plugin('other', () => undefined)])
    expect(notes).toEqual(['+old', '-old', '+new'])
    finish()
    await slow
    await kernel.dispose()
    expect(notes).toEqual(['+old', '-old', '+new', 'disposed old', '-new', 'disposed new'])
  })

  it('does not begin for a change that is not taken', async () => {
    const notes: string[] = []
    const polling = plugin('polling', (ctx) => ctx.whileLive(() => () => void notes.push('never')))
    const kernel = await createTestKernel({ plugins: [plainDialect, echo] })
    const bad = plugin('bad', () => {
      throw new Error('boom')
    })
    await expect(kernel.reload([plainDialect, echo, polling, bad])).rejects.toThrow(/boom/)
    await kernel.dispose()
    expect(notes).toEqual([])
  })

  it('that cannot begin is logged, and the rest of the plugin works on', async () => {
    const polling = plugin('polling', (ctx) => {
      ctx.whileLive(() => {
        throw new Error('boom')
      })
    })
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, polling] })
    expect(kernel.warnings).toEqual(['a plugin could not start its work'])
    expect((await kernel.request(request)).status).toBe(200)
    await kernel.dispose()
  })
})
