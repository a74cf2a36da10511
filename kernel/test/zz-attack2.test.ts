import { createTestKernel } from '@ccr/sdk/testing'
import { expect, it } from 'vitest'
import { echo, plainDialect, plugin } from './support/plugins.ts'
it('B1 revived while it is being disposed', async () => {
  const bad: unknown[] = []
  for (const xFirst of [true, false])
    for (let fillers = 0; fillers < 4; fillers++)
      for (let delay = 0; delay < 40; delay++) {
        const mk = (n: string) => plugin(n, (ctx) => { ctx.on('onRequest', () => undefined); ctx.whileLive(() => async () => { await null }); ctx.effect(async () => { await null }) })
        const fill = Array.from({ length: fillers }, (_, i) => mk(`f${i}`))
        const fill2 = Array.from({ length: fillers }, (_, i) => mk(`f${i}`))
        const a = mk('x'); const b = mk('x')
        const set = (x: typeof a, f: typeof fill) => (xFirst ? [x, plainDialect, echo, ...f] : [plainDialect, echo, ...f, x])
        const kernel = await createTestKernel({ plugins: set(a, fill) })
        const lease = kernel.kernel.acquire()
        await kernel.reload(set(b, fill2))
        lease.release()
        for (let i = 0; i < delay; i++) await null
        await kernel.reload(set(a, fill2))
        if (kernel.kernel.current!.instances.some((i) => i.disposed)) bad.push({ xFirst, fillers, delay, early: true })
        await new Promise((r) => setImmediate(r))
        const gone = kernel.kernel.current!.instances.filter((i) => i.disposed).map((i) => i.entry.id)
        if (gone.length) bad.push({ xFirst, fillers, delay, gone })
        await kernel.dispose()
      }
  expect(bad).toEqual([])
})
