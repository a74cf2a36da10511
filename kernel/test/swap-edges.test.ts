import { createTestKernel } from '@ccr/sdk/testing'
import { definePlugin, Type, type PluginContext } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { echo, hello, plainDialect, plugin } from './support/plugins.ts'

const request = { path: '/plain', body: hello }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A promise, and what resolves it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

async function until(condition: () => boolean): Promise<void> {
  for (let count = 0; count < 1000 && !condition(); count++) await turn()
  expect(condition()).toBe(true)
}

describe('a swap', () => {
  it('never takes over an instance whose disposal has begun, at whichever moment it finds it', async () => {
    const dead: number[] = []
    for (let moment = 0; moment < 24; moment++) {
      const { opened, open } = gate()
      const slow = plugin('slow', () => opened)
      const [old, young] = [plugin('same', () => undefined), plugin('same', () => undefined)]
      const kernel = await createTestKernel({ plugins: [plainDialect, echo, old] })
      const lease = kernel.kernel.acquire()
      await kernel.reload([plainDialect, echo, young])
      const change = kernel.reload([slow, plainDialect, echo, old])
      await turn()
      open()
      for (let count = 0; count < moment; count++) await null
      lease.release()
      await change
      await turn()
      if (kernel.kernel.current!.instances.some(({ disposed }) => disposed)) dead.push(moment)
      await kernel.dispose()
    }
    expect(dead).toEqual([])
  })

  it('waits with the disposal of a plugin that still writes down what was used', async () => {
    const notes: string[] = []
    const { opened, open } = gate()
    const recorder = plugin('recorder', (ctx) => {
      const write = async (): Promise<void> => {
        notes.push('writes')
        await opened
        notes.push('written')
      }
      ctx.on('onUsage', write, { durable: true })
      ctx.effect(() => void notes.push('disposed'))
    })
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, recorder] })
    let ended = false
    const reply = kernel.request({ ...request, onChunk: () => void (ended = true) })
    await kernel.reload([plainDialect, echo])
    // The answer goes out although the record is not written.
    for (let count = 0; count < 400 && !ended; count++) await new Promise((resolve) => setTimeout(resolve, 5))
    await turn()
    expect({ ended, notes }).toEqual({ ended: true, notes: ['writes'] })
    open()
    expect((await reply).status).toBe(200)
    await until(() => notes.length === 3)
    expect(notes).toEqual(['writes', 'written', 'disposed'])
    await kernel.dispose()
  })

  it.each(['replaced', 'stopped'])('lets inverses of a plugin that is %s send and write what it held', async (how) => {
    const sent: string[] = []
    const files = new Map<string, Map<string, Buffer>>()
    let context!: PluginContext
    const exporter = definePlugin({
      name: 'exporter',
      apiVersion: 1,
      description: 'for a test',
      options: Type.Object({}, { additionalProperties: false }),
      capabilities: ['files', 'network:hooks.example'],
      activate(ctx) {
        context = ctx
        ctx.effect(async () => {
          await turn()
          await ctx.http.fetch('https://hooks.example/usage', { method: 'POST', body: 'the rest' })
          await ctx.files.write('rest.json', 'the rest')
        })
      },
    })
    const http = (asked: Request): Response => new Response(void sent.push(asked.url))
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, exporter], files, http })
    if (how === 'replaced') await kernel.reload([plainDialect, echo])
    else await kernel.kernel.close()
    await until(() => files.get('default/exporter')?.has('rest.json') === true)
    expect(sent).toEqual(['https://hooks.example/usage'])
    await turn()
    await expect(context.files.list()).rejects.toMatchObject({ code: 'CCR_PLUGIN_STALE' })
    await kernel.dispose()
  })

  it('heeds other limits from then on, also for plugins that did not change', async () => {
    const failing = plugin('failing', (ctx) => {
      const handler = (): never => {
        throw new Error('boom')
      }
      ctx.on('selectRoute', handler, { stage: 'refine' })
    })
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, failing] })
    await kernel.request(request)
    const { settings } = kernel
    kernel.kernel.configure({ ...settings, limits: { ...settings.limits, failures: 2 } })
    await kernel.request(request)
    expect(kernel.kernel.current!.instances.at(-1)!.health.quarantine).toBeDefined()
    await kernel.dispose()
  })
})

describe('a cold start', () => {
  it('undoes what a plugin began that is left out after its activation', async () => {
    const notes: string[] = []
    const lazy = definePlugin({
      name: 'lazy',
      apiVersion: 1,
      description: 'for a test',
      options: Type.Object({}, { additionalProperties: false }),
      provides: ['absent' as never],
      activate(ctx) {
        ctx.whileLive(() => () => void notes.push('polled'))
        ctx.effect(() => void notes.push('undone'))
      },
    })
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, { plugin: lazy, optional: true }] })
    expect(kernel.kernel.current!.failures).toMatchObject([{ subject: 'lazy', code: 'CCR_PLUGIN_SERVICE' }])
    expect(kernel.kernel.current!.instances.map(({ entry }) => entry.id)).not.toContain('lazy')
    expect(notes).toEqual(['undone'])
    await kernel.dispose()
  })

  it('undoes what a plugin began whose activation failed', async () => {
    const notes: string[] = []
    const half = plugin('half', (ctx) => {
      ctx.effect(() => void notes.push('undone'))
      throw new Error('boom')
    })
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, { plugin: half, optional: true }] })
    expect(kernel.kernel.current!.failures).toMatchObject([{ subject: 'half', code: 'CCR_PLUGIN_ACTIVATE' }])
    expect(notes).toEqual(['undone'])
    await kernel.dispose()
  })
})

describe('a kernel that is closed', () => {
  it('takes no change any more', async () => {
    const notes: string[] = []
    const late = plugin('late', (ctx) => ctx.whileLive(() => () => void notes.push('polled')))
    const kernel = await createTestKernel({ plugins: [plainDialect, echo] })
    const closing = kernel.dispose()
    await expect(kernel.reload([plainDialect, echo, late])).rejects.toMatchObject({ code: 'CCR_EXCHANGE_SHUTDOWN' })
    await closing
    expect(kernel.kernel.current).toBeUndefined()
    expect(notes).toEqual([])
  })

  it('does not wait for a change that waits for exchanges', async () => {
    const kernel = await createTestKernel({
      plugins: [plainDialect, echo],
      settings: { limits: { generations: 1 } },
      // The lease that nobody gives back is watched to its end.
      leaks: 'ignore',
    })
    kernel.kernel.acquire()
    await kernel.reload([plainDialect, echo, plugin('other', () => undefined)])
    const refused = expect(kernel.reload([plainDialect, echo])).rejects.toMatchObject({ code: 'CCR_EXCHANGE_SHUTDOWN' })
    await turn()
    await kernel.dispose()
    await refused
  })
})
