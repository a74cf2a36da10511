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
