import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serve, type Running } from '../src/host/serve.ts'
import { ask, messagesBody } from './support/client.ts'

const GUARD = `import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { definePlugin, Type } from '@ccr/sdk'

writeFileSync(join(__dirname, 'evaluated'), '')

export default definePlugin({
  name: 'guard', apiVersion: 1, description: 'for a test', options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    ctx.on('HOOK', () => undefined)
  },
})
`
const SAFE = { why: 'for a test' }

let home: string
let running: Running | undefined
beforeEach(async () => void (home = await mkdtemp(join(tmpdir(), 'ccr-safe-'))))
afterEach(async () => {
  await stop()
  await rm(home, { recursive: true, force: true })
})

async function stop(): Promise<void> {
  await running?.close({ graceMs: 0 })
  running = undefined
}

async function start(safe?: typeof SAFE, left?: () => void): Promise<Running> {
  await stop()
  running = await serve({ home, port: 0, env: {}, version: '1.2.3', safe, onSafeModeLeft: left })
  return running
}

async function write(hook: string, use: readonly object[] = [{ use: 'file:./guard.ts' }]): Promise<void> {
  await writeFile(join(home, 'guard.ts'), GUARD.replace('HOOK', hook))
  await writeFile(join(home, 'config.json'), JSON.stringify({ plugins: use, watch: false }))
}

const post = ({ url }: Running) => ask(`${url}/v1/messages`, { body: messagesBody('x', false) })
const wasEvaluated = () =>
  rm(join(home, 'evaluated')).then(
    () => true,
    () => false,
  )

describe('row 154: safe mode', () => {
  it('runs no code of files that providers name, and leaves these providers out', async () => {
    const provider = (name: string, use: readonly string[]): object => {
      const own = { name, api_base_url: 'http://127.0.0.1:9', models: ['m'] }
      return { ...own, transformer: { use } }
    }
    const Providers = [provider('direct', ['file:./guard.ts']), provider('listed', ['guard']), provider('free', [])]
    await write('transformRequest', [])
    const config = { transformers: [{ path: './guard.ts' }], Providers, watch: false }
    await writeFile(join(home, 'config.json'), JSON.stringify(config))
    const { url } = await start(SAFE)
    expect(await wasEvaluated()).toBe(false)
    const models = (await (await fetch(`${url}/v1/models`)).json()) as { readonly data: readonly { id: string }[] }
    expect(models.data.map(({ id }) => id).filter((id) => id.endsWith(',m'))).toEqual(['free,m'])
    const asked = await ask(`${url}/v1/messages`, { body: { ...messagesBody('x', false), model: 'listed,m' } })
    expect(JSON.stringify(asked)).toContain('safe mode does not run ./guard.ts')
  })

  it('runs no third-party code, and answers without a plugin that decided on no request', async () => {
    await write('selectRoute')
    await start()
    expect(await wasEvaluated()).toBe(true)
    // Evaluated code is remembered for as long as it is the same.
    await writeFile(join(home, 'guard.ts'), `${GUARD.replace('HOOK', 'selectRoute')}\nexport const more = 1\n`)
    const safe = await start(SAFE)
    expect(await wasEvaluated()).toBe(false)
    expect((await post(safe)).status).toBe(200)
  })

  it('answers nothing without one that did, and says which', async () => {
    await write('onRequest')
    await start()
    const answer = await post(await start(SAFE))
    expect(answer.status).toBe(503)
    expect(answer.json).toMatchObject({
      type: 'error',
      error: { type: 'overloaded_error', message: expect.stringContaining('without file:./guard.ts') },
    })
    expect(answer.headers['x-should-retry']).toBe('false')
    expect((await ask(`${running!.url}/health`, { method: 'GET' })).status).toBe(200)
  })

  it('answers nothing without one that never ran: it may be a guard', async () => {
    await write('selectRoute')
    expect((await post(await start(SAFE))).status).toBe(503)
  })

  it('does not mind what is switched off', async () => {
    await write('onRequest', [{ use: 'file:./guard.ts', enabled: false }])
    expect((await post(await start(SAFE))).status).toBe(200)
  })

  it('ends with the next change that is taken, and not with one that is not', async () => {
    await write('onRequest')
    await start()
    let left = 0
    const safe = await start(SAFE, () => left++)
    await writeFile(join(home, 'guard.ts'), 'let 1')
    await expect(safe.reload()).rejects.toMatchObject({ code: 'CCR_PLUGIN_LOAD' })
    expect((await post(safe)).status).toBe(503)
    expect(left).toBe(0)
    await write('onRequest')
    await safe.reload()
    expect((await post(safe)).status).toBe(200)
    await safe.reload()
    expect(left).toBe(1)
  })
})
