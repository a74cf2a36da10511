import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { completion, completionStream, message, messageStream } from '../../test/rules/upstream.ts'
import { startUpstream, type Answer as Answering, type Upstream } from '../../test/rules/upstream.ts'
import { serve, type Running } from '../src/host/serve.ts'
import { ask, messagesBody, open, type Answer } from './support/client.ts'
import { startRouter, type RunningRouter } from './support/router.ts'
import { until } from './support/watched-router.ts'

/** A provider whose models speak different protocols, and one whose model is at fault. */

/** Speaks both protocols, each at its own path. */
const answer: Answering = ({ url, json }, response) => {
  const isChat = url.endsWith('/chat/completions')
  const words = `${isChat ? 'chat' : 'messages'} of ${String(json['model'])}`
  const type = json['stream'] === true ? 'text/event-stream' : 'application/json'
  response.writeHead(200, { 'content-type': type })
  if (json['stream'] === true) response.end(isChat ? completionStream(words) : messageStream(words))
  else response.end(JSON.stringify(isChat ? completion(words) : message(words)))
}

let upstream: Upstream
let root: string
let running: Running | undefined

beforeAll(async () => {
  upstream = await startUpstream(answer)
})
afterAll(() => upstream.close())

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ccr-model-dialects-'))
})
afterEach(async () => {
  upstream.answer = answer
  await running?.close({ graceMs: 0 })
  running = undefined
  await rm(root, { recursive: true, force: true })
})

const provider = (transformer: object, more: object = {}): object => ({
  name: 'Both',
  api_base_url: `${upstream.url}/v1/chat/completions`,
  api_key: 'key-of-provider',
  models: ['gpt', 'Claude'],
  transformer,
  ...more,
})

const configure = (...Providers: object[]): Promise<void> =>
  writeFile(join(root, 'config.json'), JSON.stringify({ watch: false, Providers }))

async function start(...providers: object[]): Promise<void> {
  await configure(...providers)
  running = await serve({ home: root, port: 0, env: {}, version: '1.2.3' })
}

const turn = (model: string, stream = false): Promise<Answer> =>
  ask(`${running!.url}/v1/messages`, { body: messagesBody(model, stream) })

const told = ({ json }: Answer): string => (json as { error: { message: string } }).error.message

async function listed(): Promise<readonly string[]> {
  const { json } = await ask(`${running!.url}/v1/models`, { method: 'GET' })
  return (json as { data: { id: string }[] }).data.map(({ id }) => id).filter((id) => id.startsWith('Both,'))
}

interface Report {
  readonly disabledProviders: readonly { readonly name: string; readonly model?: string; readonly reason: string }[]
  readonly failures: readonly { readonly subject: string; readonly message: string }[]
}

async function report(): Promise<Report> {
  const key = (await readFile(join(root, 'run/admin.key'), 'utf8')).trim()
  return (await ask(`${running!.url}/api/generation`, { method: 'GET', headers: { 'x-api-key': key } })).json as Report
}

const ANTHROPIC = { Claude: { use: [['Anthropic', { UseBearer: true }]] } }

describe('a model with another dialect than its provider', () => {
  it.each([false, true])('is asked in it, at its endpoint, with its options (stream: %s)', async (stream) => {
    await start(provider(ANTHROPIC))
    for (const [model, path, words] of [
      ['Both,claude', '/v1/messages', 'messages of Claude'],
      ['Both,gpt', '/v1/chat/completions', 'chat of gpt'],
      ['Both,unlisted', '/v1/chat/completions', 'chat of unlisted'],
    ] as const) {
      const { status, text } = await turn(model, stream)
      expect([model, status], text).toEqual([model, 200])
      expect(text).toContain(words)
      expect(upstream.last.url).toBe(path)
      expect(upstream.last.headers['authorization']).toBe('Bearer key-of-provider')
    }
    expect(await listed()).toEqual(['Both,gpt', 'Both,Claude'])
  })

  it('passes answers of its own protocol through, and no other', async () => {
    await start(provider(ANTHROPIC))
    // The spelling is that of the upstream, which no program of ours has.
    expect((await turn('Both,Claude', true)).text).toContain('"type"  :"message_stop"')
    expect((await turn('Both,gpt', true)).text).toContain('"type":"message_stop"')
  })

  it('may be the one without, where its provider has another', async () => {
    const own = { api_base_url: `${upstream.url}/v1/messages` }
    await start(provider({ use: ['Anthropic'], gpt: { use: ['OpenAI'] } }, own))
    await turn('Both,gpt')
    expect([upstream.last.url, upstream.last.headers['authorization']]).toEqual([
      '/v1/chat/completions',
      'Bearer key-of-provider',
    ])
    await turn('Both,Claude')
    expect([upstream.last.url, upstream.last.headers['x-api-key']]).toEqual(['/v1/messages', 'key-of-provider'])
  })

  it('learns from its errors what its own protocol knows', async () => {
    await start(provider(ANTHROPIC))
    const temperatures = new Map<string, unknown[]>()
    upstream.answer = (request, response) => {
      const { model, temperature } = request.json
      temperatures.set(String(model), [...(temperatures.get(String(model)) ?? []), temperature])
      if (temperature === undefined) return answer(request, response)
      // Each dialect knows the words of its own protocol.
      const is = request.url.endsWith('/messages') ? 'is deprecated for' : 'is not supported by'
      const error = { type: 'invalid_request_error', message: `\`temperature\` ${is} this model` }
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ type: 'error', error }))
    }
    for (const model of ['Both,Claude', 'Both,gpt', 'Both,Claude', 'Both,gpt']) {
      const body = messagesBody(model, false, { temperature: 0.5 })
      const { status, text } = await ask(`${running!.url}/v1/messages`, { body })
      expect([model, status], text).toEqual([model, 200])
    }
    expect(Object.fromEntries(temperatures)).toEqual({
      Claude: [0.5, undefined, undefined],
      gpt: [0.5, undefined, undefined],
    })
  })

  it('is seen by the wire taps of its own dialect', async () => {
    const source = `import { defineTransformer } from '@ccr/sdk'
      export default defineTransformer({ name: 'marked', description: 'Marks.', dialect: 'openai',
        request: (body) => ({ ...body, marked: true }) })`
    await writeFile(join(root, 'marked.ts'), source)
    await start(provider({ use: ['file:./marked.ts'], ...ANTHROPIC }))
    await turn('Both,gpt')
    expect(upstream.last.json['marked']).toBe(true)
    await turn('Both,Claude')
    expect(upstream.last.json).not.toHaveProperty('marked')
  })

  it('changes it while a stream runs, which goes on as it began', async () => {
    await start(provider(ANTHROPIC))
    let held: ServerResponse | undefined
    const [first = '', rest = ''] = messageStream('in messages').split(/(?=: spelled\nevent: content_block_stop)/)
    upstream.answer = (_request, response) => {
      held = response
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(first)
    }
    const call = open(`${running!.url}/v1/messages`, { body: messagesBody('Both,Claude', true) })
    await call.until('in messages')
    upstream.answer = answer
    await configure(provider({}))
    await running!.reload()
    const { text } = await turn('Both,Claude', true)
    expect([upstream.last.url, text]).toEqual(['/v1/chat/completions', expect.stringContaining('chat of Claude')])
    await configure(provider(ANTHROPIC))
    await running!.reload()
    expect((await turn('Both,Claude')).text).toContain('messages of Claude')
    held!.end(rest)
    const streamed = await call.answer
    expect([streamed.status, streamed.broken, streamed.text]).toEqual([200, undefined, first + rest])
  })
})

describe('a name for the dialect of another plugin', () => {
  const CLOUD = `import { definePlugin, Type } from '@ccr/sdk'
    export default definePlugin({
      name: 'cloud', apiVersion: 1, description: 'Speaks it at another URL.',
      options: Type.Object({ project: Type.String({ default: '' }) }, { additionalProperties: false }),
      transformers: [{ name: 'cloud-claude', dialect: 'anthropic' }],
      activate(ctx) {
        const { project } = ctx.options
        const addressed = (outbound) => ({ ...outbound, url: outbound.url + '?project=' + project })
        ctx.on('transformRequest', addressed, { stage: 'send' })
        ctx.on('transformRequest', ({ body, ...rest }) => ({ ...rest, body: { ...body, cloudy: true } }),
          { stage: 'wire', dialect: 'anthropic' })
      },
    })`
  const OF_OTHERS = { use: 'file:./cloud.ts', when: { provider: 'nobody' } }

  it('chooses it, and lets its own plugin take part for what chose so alone', async () => {
    await writeFile(join(root, 'cloud.ts'), CLOUD)
    const transformer = { use: [['Cloud-Claude', { project: 'p1' }]], gpt: { use: ['OpenAI'] } }
    const single = { Claude: { use: [['cloud-claude', { project: 'p2' }]] } }
    await writeFile(
      join(root, 'config.json'),
      JSON.stringify({
        plugins: [OF_OTHERS],
        Providers: [provider(transformer), { ...provider(single), name: 'Single' }],
      }),
    )
    running = await serve({ home: root, port: 0, env: {}, version: '1.2.3' })
    for (const [model, url, cloudy] of [
      ['Both,Claude', '/v1/messages?project=p1', true],
      ['Both,gpt', '/v1/chat/completions', undefined],
      ['Single,claude', '/v1/messages?project=p2', true],
      ['Single,gpt', '/v1/chat/completions', undefined],
    ] as const) {
      await turn(model)
      expect([model, upstream.last.url, upstream.last.json['cloudy']]).toEqual([model, url, cloudy])
    }
  })
})

describe('a model whose own transformers are at fault', () => {
  it('is left out alone, which its request and the list of models show', async () => {
    await start(provider({ Claude: { use: ['nothing'] } }))
    const failed = await turn('both,claude')
    expect([failed.status, told(failed)]).toEqual([
      404,
      expect.stringMatching(
        /^model 'claude' of provider 'Both' is left out of the config .*transformer\/Claude\/use names nothing, which/,
      ),
    ])
    expect((await turn('Both,gpt')).status).toBe(200)
    expect(await listed()).toEqual(['Both,gpt'])
    expect((await report()).disabledProviders).toMatchObject([{ name: 'Both', model: 'Claude' }])
    await configure(provider(ANTHROPIC))
    await running!.reload()
    expect((await turn('Both,Claude')).status).toBe(200)
  })

  it('is left out where its code is missing, or its dialect is one that nothing speaks', async () => {
    await start(provider({ Claude: { use: ['file:./none.ts'] }, other: { use: ['gone'] } }), {
      ...provider({ m: { use: ['gemini'] } }),
      name: 'Off',
    })
    expect(told(await turn('Both,Claude'))).toMatch(
      /^model 'Claude' of provider 'Both' is left .*`ccr status` says why$/,
    )
    expect((await turn('Both,gpt')).status).toBe(200)
    expect((await turn('Off,m')).status).not.toBe(404)
    const text = await readFile(join(root, 'config.json'), 'utf8')
    const config = { ...(JSON.parse(text) as object), plugins: [{ use: 'dialect-gemini', enabled: false }] }
    await writeFile(join(root, 'config.json'), JSON.stringify(config))
    await running!.reload()
    expect(told(await turn('Off,m'))).toMatch(/^model 'm' of provider 'Off' .*no plugin speaks the dialect 'gemini'/)
    expect((await turn('Off,gpt')).status).toBe(200)
    const message = expect.stringContaining('no plugin speaks') as string
    expect((await report()).failures).toContainEqual(
      expect.objectContaining({ subject: "provider 'Off' (model 'm')", message }),
    )
  })

  it('is left out where its code cannot be activated at a start', async () => {
    const source = `import { definePlugin, Type } from '@ccr/sdk'
      export default definePlugin({ name: 'mine', apiVersion: 1, description: 'Fails.', options: Type.Object({}),
        activate() { throw new Error('needs more') } })`
    await writeFile(join(root, 'mine.ts'), source)
    await start(provider({ Claude: { use: ['file:./mine.ts'] } }))
    expect(told(await turn('Both,Claude'))).toContain("model 'Claude' of provider 'Both' is left out of the config")
    expect((await turn('Both,gpt')).status).toBe(200)
    expect(await listed()).toEqual(['Both,gpt'])
    expect((await report()).failures.map(({ subject }) => subject)).toEqual([
      'file:./mine.ts@Both,Claude',
      "provider 'Both' (model 'Claude')",
    ])
  })

  describe('in a process of its own', () => {
    let router: RunningRouter | undefined
    afterEach(() => router?.stop())

    it('is told at the start and in the log, and serves what else there is', async () => {
      router = await startRouter({ config: { Providers: [provider({ ...ANTHROPIC, gpt: { use: ['nothing'] } })] } })
      const { url } = router
      const asked = (model: string): Promise<Answer> => ask(`${url}/v1/messages`, { body: messagesBody(model, true) })
      expect((await asked('Both,Claude')).text).toContain('messages of Claude')
      expect((await asked('Both,other')).text).toContain('chat of other')
      expect(told(await asked('Both,gpt'))).toContain("model 'gpt' of provider 'Both' is left out")
      const written = router.written()
      expect(written).toContain('model gpt of provider Both is disabled: transformer/gpt/use names nothing')
      const logged = 'model of a provider is disabled: transformer/gpt/use names nothing'
      await until('the log says so', () => Promise.resolve(router!.written().includes(logged)))
    })
  })
})
