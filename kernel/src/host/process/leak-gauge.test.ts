import { createTestKernel } from '@ccr/sdk/testing'
import { definePlugin, Type } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { LeakGauge, type Holding } from './leak-gauge.ts'

const MIB = 1024 * 1024
const OPTIONS = { bytes: 40 * MIB, timers: 100, samples: 3 }

const kept: Buffer[] = []
const leaking = definePlugin({
  name: 'leaking',
  apiVersion: 1,
  description: 'for a test',
  options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    ctx.endpoint({
      method: 'POST',
      path: '/v1/messages',
      dialect: 'test',
      client: {
        decode: () => ({ request: { model: 'x', max_tokens: 1, messages: [] }, client: { app: 'test' } }),
        encoder: () => ({ contentType: 'text/plain', events: () => '', ping: () => '', failure: () => '' }),
        message: (message) => message,
        failure: ({ message }) => ({ message }),
      },
    })
    ctx.on('onRequest', () => {
      kept.push(Buffer.alloc(MIB, 1))
      return { reply: { failure: { status: 400, type: 'invalid_request_error', message: 'no' } } }
    })
  },
})

async function setUp(options = OPTIONS, read?: () => Holding) {
  const warnings: { readonly fields: object; readonly message: string }[] = []
  const note = (fields: object, message: string): void => void warnings.push({ fields, message })
  const log = { debug: note, info: note, warn: note, error: note }
  const world = await createTestKernel({ plugins: [leaking] })
  const gauge = new LeakGauge(() => world.kernel, log, options, read)
  const call = async (): Promise<unknown> => world.request({ body: {} })
  return { gauge, call, warnings, dispose: () => world.dispose() }
}

describe('row 126: a process that grows', () => {
  it('by 1 MB a request is told, with the plugins that were called meanwhile', async () => {
    const { gauge, call, warnings, dispose } = await setUp()
    gauge.sample()
    for (let count = 0; count < 60; count++) await call()
    for (let count = 0; count < 3; count++) gauge.sample()
    kept.length = 0
    expect(warnings).toHaveLength(1)
    expect(warnings[0]!.message).toMatch(/^the router holds \d+ MiB and -?\d+ timers more than it did; /)
    expect(warnings[0]!.fields).toMatchObject({ calls: { leaking: 60 } })
    await dispose()
  })

  it('by timers is told too', async () => {
    const { gauge, warnings, dispose } = await setUp()
    gauge.sample()
    const timers = Array.from({ length: 150 }, () => setInterval(() => undefined, 60_000))
    for (let count = 0; count < 3; count++) gauge.sample()
    for (const timer of timers) clearInterval(timer)
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/and 1[45]\d timers more/)])
    await dispose()
  })

  it('for a moment only is not, and growth is told once for each step', async () => {
    const sizes = [100, 200, 110, 200, 200, 200, 210, 220, 230, 300, 300, 300]
    let at = 0
    const { gauge, warnings, dispose } = await setUp(OPTIONS, () => ({ bytes: sizes[at++]! * MIB, timers: 0 }))
    const told = sizes.map(() => {
      gauge.sample()
      return warnings.length
    })
    expect(told).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2])
    await dispose()
  })
})
