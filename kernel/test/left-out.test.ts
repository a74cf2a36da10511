import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { message, sendJson, startUpstream, type Upstream } from '../../test/rules/upstream.ts'
import { serve, type Running } from '../src/host/serve.ts'
import { ask, messagesBody, type Answer } from './support/client.ts'

/** What somebody meets whose config names what is not there, or is broken. */

let upstream: Upstream
let root: string
let running: Running | undefined

beforeAll(async () => {
  upstream = await startUpstream(sendJson(message('hello')))
})
afterAll(() => upstream?.close())

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ccr-left-out-'))
})
afterEach(async () => {
  await running?.close({ graceMs: 0 })
  running = undefined
  await rm(root, { recursive: true, force: true })
})

const provider = (name: string, more: object = {}): object => ({
  name,
  api_base_url: upstream.url,
  api_key: 'key-of-provider',
  dialect: 'anthropic',
  ...more,
})

async function start(config: object): Promise<void> {
  await writeFile(join(root, 'config.json'), JSON.stringify({ watch: false, ...config }))
  running = await serve({ home: root, port: 0, env: {}, version: '1.2.3' })
}

const turn = (model: string): Promise<Answer> =>
  ask(`${running!.url}/v1/messages`, { body: messagesBody(model, false) })

interface Report {
  readonly failures: readonly { readonly subject: string; readonly message: string }[]
  readonly disabledProviders: readonly { readonly name: string; readonly reason: string }[]
}

async function report(): Promise<Report> {
  const key = (await readFile(join(root, 'run/admin.key'), 'utf8')).trim()
  return (await ask(`${running!.url}/api/generation`, { method: 'GET', headers: { 'x-api-key': key } })).json as Report
}

describe('a transformer that cannot be loaded', () => {
  it('takes its provider out, and starts nothing else in vain', async () => {
    await start({ Providers: [provider('Mine', { transformer: { use: ['file:./none.ts'] } }), provider('Other')] })
    expect((await turn('Other,m')).status).toBe(200)
    const { disabledProviders, failures } = await report()
    const reason = expect.stringContaining('none.ts does not exist') as string
    expect(disabledProviders).toMatchObject([{ name: 'Mine', reason }])
    expect(failures.map(({ subject }) => subject)).toEqual(['file:./none.ts@Mine'])
  })

  it('does not replace one that runs', async () => {
    await writeFile(join(root, 'mine.ts'), PLUGIN)
    await start({ Providers: [provider('Mine', { transformer: { use: ['file:./mine.ts'] } })] })
    await writeFile(join(root, 'mine.ts'), 'export default ]')
    await expect(running!.reload()).rejects.toMatchObject({ code: 'CCR_PLUGIN_LOAD' })
    expect((await turn('Mine,m')).status).toBe(200)
  })
})

const PLUGIN = `import { definePlugin, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'mine', apiVersion: 1, description: 'Does nothing.', options: Type.Object({}), activate() {},
})`
