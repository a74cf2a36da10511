import {
  definePlugin,
  definePreset,
  defineQuota,
  defineRouter,
  defineTransformer,
  mapEvents,
  Secret,
  Type,
  type Plugin,
  type QuotaReader,
  type RouterChoice,
} from '@ccr/sdk'
import { afterEach, describe, expect, it } from 'vitest'
import { fixtures } from './fixtures.ts'
import { createTestKernel, type TestEntry, type TestKernel, type TestKernelOptions } from './kernel.ts'
import { json, sse, type TestUpstream } from './upstream.ts'
import { PLAIN_PATH, plainClient, wireDialect } from './wire-dialect.ts'

const closed = { additionalProperties: false }
let kernel: TestKernel | undefined
afterEach(async () => {
  await kernel?.dispose()
  kernel = undefined
})

const toTest = defineRouter({ name: 'to-test', description: 'Leads to the provider.', route: () => 'test,model' })

/** What a provider of a dialect was sent, and what the client got, with these plugins between them. */
async function ask(dialect: string, plugins: readonly TestEntry[], more: Partial<TestKernelOptions> = {}) {
  const sent: Record<string, unknown>[] = []
  kernel = await createTestKernel({
    plugins: [plainClient(), wireDialect({ dialect, ...(dialect !== 'plain' && { body: { n: 1 } }) }), ...plugins],
    providers: [{ dialect }],
    upstream: ({ body }) => {
      sent.push(JSON.parse(String(body)) as Record<string, unknown>)
      return sse(fixtures.toSse(dialect === 'plain' ? fixtures.answer() : [{ word: 'one' }]))
    },
    ...more,
  })
  const { status, text } = await kernel.request({ path: PLAIN_PATH, body: fixtures.chat() })
  return { sent, status, text }
}

describe('defineTransformer', () => {
  const shout = defineTransformer({
    name: 'shout',
    description: 'Makes words loud.',
    aliases: ['loud'],
    dialect: 'openai',
    options: Type.Object({ mark: Type.String({ default: '!', description: 'What follows a word.' }) }, closed),
    request: (body: { n: number }, { options, attempt }) => ({
      ...body,
      n: body.n + 1,
      ...options,
      to: attempt.target,
    }),
    stream: ({ options }) => ({
      chunk: (event, emit) => emit({ ...event, word: `${String(event['word'])}${options.mark}` }),
    }),
  })

  it('is a plugin that config can use as a transformer', () => {
    expect(shout).toMatchObject({ name: 'shout', apiVersion: 1, scope: 'profile' })
    expect(shout.transformers).toEqual([{ name: 'shout', aliases: ['loud'] }])
    const other = defineTransformer({
      name: 'patch-shout',
      transformer: 'shout',
      description: 'The same.',
      dialect: 'openai',
    })
    expect(other).toMatchObject({ name: 'patch-shout', transformers: [{ name: 'shout' }] })
  })

  it('changes the bodies and events of its dialect, with its options', async () => {
    const { sent, text } = await ask('openai', [[shout, { mark: '?' }], toTest])
    expect(sent).toEqual([{ n: 2, mark: '?', to: { provider: 'test', model: 'model' }, model: 'model', stream: true }])
    expect(text).toContain(JSON.stringify(JSON.stringify({ word: 'one?' })))
  })

  it('lets the targets of other dialects pass', async () => {
    const { sent, text } = await ask('gemini', [shout, toTest])
    expect(sent).toEqual([{ n: 1, model: 'model', stream: true }])
    expect(text).toContain(JSON.stringify(JSON.stringify({ word: 'one' })))
  })

  it('sees the canonical form of every target where it asks for that', async () => {
    const cautious = defineTransformer({
      name: 'cautious',
      description: 'Asks for less.',
      dialect: 'canonical',
      request: async (body) => ({ ...body, max_tokens: Math.min(body.max_tokens ?? 10, 10) }),
      stream: () => mapEvents((event) => (event.type === 'message_delta' ? { ...event, usage: {} } : event)),
    })
    const { sent, text } = await ask('plain', [cautious, toTest])
    expect(sent).toEqual([{ ...fixtures.chat(), max_tokens: 10, model: 'model' }])
    expect(text).toContain('"stop_sequence":null},"usage":{}')
  })

  it('leaves as it is what it gives nothing for', async () => {
    const idle = defineTransformer({
      name: 'idle',
      description: 'Does nothing.',
      dialect: 'openai',
      request: () => undefined,
      stream: () => undefined,
    })
    expect((await ask('openai', [idle, toTest])).sent).toEqual([{ n: 1, model: 'model', stream: true }])
  })

  describe('with parts that a target may refuse', () => {
    const adding = defineTransformer({
      name: 'adding',
      description: 'Adds two fields.',
      dialect: 'openai',
      refusable: { depth: /\bdepth\b/, width: /\bwidth\b/ },
      request: (body, { offers }) => ({
        ...body,
        ...(offers('depth') && { depth: 1 }),
        ...(offers('width') && { width: 1 }),
      }),
    })

    /** What a provider is sent in two requests; it refuses what `fault` says. */
    async function askTwice(fault: (body: Record<string, unknown>) => string | undefined, status = 400) {
      const sent: string[] = []
      const upstream: TestUpstream = ({ body }) => {
        const given = JSON.parse(String(body)) as Record<string, unknown>
        sent.push(['depth', 'width'].filter((part) => part in given).join())
        const message = fault(given)
        return message === undefined ? sse(fixtures.toSse([{ word: 'one' }])) : json({ error: { message } }, status)
      }
      const first = await ask('openai', [adding, toTest], { upstream })
      const second = await kernel!.request({ path: PLAIN_PATH, body: fixtures.chat() })
      return { sent, statuses: [first.status, second.status] }
    }

    it('asks once more without what was refused, and never sends it again', async () => {
      const { sent, statuses } = await askTwice((body) => ('depth' in body ? 'unknown field depth' : undefined))
      expect(sent).toEqual(['depth,width', 'width', 'width'])
      expect(statuses).toEqual([200, 200])
    })

    it('learns one part after the other', async () => {
      const { sent, statuses } = await askTwice((body) =>
        'width' in body || 'depth' in body ? 'neither depth nor width' : undefined,
      )
      expect(sent).toEqual(['depth,width', 'width', '', ''])
      expect(statuses).toEqual([200, 200])
    })

    it.each([
      ['a refusal of something else', 'no such model', 400],
      ['a failure that is no refusal', 'depth overloaded', 529],
    ])('leaves %s to others', async (_, message, status) => {
      const { sent, statuses } = await askTwice(() => message, status)
      expect(sent).toEqual(['depth,width', 'depth,width'])
      expect(statuses).toEqual([status, status])
    })

    it('learns nothing where the part was not sent', async () => {
      const { sent } = await askTwice(() => 'depth is wrong, somehow')
      expect(sent).toEqual(['depth,width', 'width', 'width'])
    })
  })
})

describe('defineRouter', () => {
  const choosing = (choice: RouterChoice | Promise<RouterChoice>): Plugin =>
    defineRouter({ name: 'choosing', description: 'Chooses.', route: () => choice })

  it.each([
    ['a text', 'test,a,b'],
    ['a text with spaces', ' test , a,b '],
    ['a text in another spelling', 'TEST,a,b'],
    ['a target', { provider: 'Test', model: 'a,b' }],
    ['a promise', Promise.resolve('test,a,b')],
  ])('decides with %s', async (_, choice) => {
    const { sent } = await ask('plain', [choosing(choice), toTest])
    expect(sent).toMatchObject([{ model: 'a,b' }])
    expect(kernel!.usage[0]).toMatchObject({ attempts: [{ provider: 'test', model: 'a,b' }] })
    expect(kernel!.routing[0]).toMatchObject({ event: 'route', fields: { decidedBy: 'choosing' } })
  })

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
  ])('leaves it to the next with %s', async (_, choice) => {
    expect((await ask('plain', [choosing(choice), toTest])).sent).toMatchObject([{ model: 'model' }])
    expect(kernel!.warnings).toEqual([])
  })

  it.each(['model', ',model', 'test,', 'test'])('is passed over with a warning for %j', async (choice) => {
    expect((await ask('plain', [choosing(choice), toTest])).sent).toMatchObject([{ model: 'model' }])
    expect(kernel!.warnings.join()).toContain(`the router 'choosing' chose ${JSON.stringify(choice)}`)
  })

  it('is given the request, its options, the providers and what counts tokens', async () => {
    const seen: unknown[] = []
    const looking = defineRouter({
      name: 'looking',
      description: 'Looks.',
      options: Type.Object({ from: Type.Integer({ default: 3, description: 'From where.' }) }, closed),
      async route(request, { options, providers, tokens, exchange }) {
        seen.push(
          request.model,
          options,
          providers.map(({ name }) => name),
          await tokens?.count(request),
          exchange.dialect,
        )
        return undefined
      },
    })
    const tokens = {
      bounds: () => ({ atLeast: 1, atMost: 1, estimate: 1 }),
      count: async () => 7,
      exceeds: () => false,
    }
    await ask('plain', [looking, toTest], { services: { tokens: tokens as never } })
    expect(seen).toEqual(['asked-model', { from: 3 }, ['test'], 7, 'plain'])
    await kernel!.dispose()
    await ask('plain', [looking, toTest])
    expect(seen[8]).toBeUndefined()
  })

  it('is asked before others that it names, and not when somebody has decided', async () => {
    const second = defineRouter({
      name: 'second',
      description: 'Comes first.',
      before: ['to-test'],
      route: () => 'test,second',
    })
    expect((await ask('plain', [toTest, second])).sent).toMatchObject([{ model: 'second' }])
    await kernel!.dispose()
    expect((await ask('plain', [toTest, choosing('test,late')])).sent).toMatchObject([{ model: 'model' }])
  })
})

describe('defineQuota', () => {
  it('contributes a reader that is given the account, its options and the declared network', async () => {
    const quota = defineQuota({
      name: 'quota-example',
      description: 'Reads a balance.',
      label: 'Example',
      hosts: ['api.example.com', '.example.org'],
      options: Type.Object({ path: Type.String({ default: '/balance', description: 'Where.' }) }, closed),
      async read({ key, signal }, { options, http }) {
        if (!key) return { problem: 'unconfigured', message: 'set api_key' }
        const auth = { scheme: 'bearer', secret: key } as const
        const answer = await http.fetch(`https://api.example.com${options.path}`, { auth, signal })
        const remaining = Number(await answer.text())
        return { windows: [], balance: { currency: 'USD', remaining } }
      },
    })
    expect(quota).toMatchObject({ scope: 'host', contributes: ['quotas'] })
    expect(quota.capabilities).toEqual(['network:api.example.com', 'network:*.example.org'])
    let readers: readonly QuotaReader[] = []
    const service = definePlugin({
      name: 'reading',
      apiVersion: 1,
      description: 'Takes the readers.',
      options: Type.Object({}, closed),
      requires: ['quotas[]'],
      activate: (ctx) => void (readers = ctx.get('quotas[]')),
    })
    const asked: (readonly [string, string | null])[] = []
    kernel = await createTestKernel({
      plugins: [service, quota],
      http: ({ url, headers }) => {
        asked.push([url, headers.get('authorization')])
        return new Response('4.5')
      },
    })
    expect(readers).toMatchObject([
      { id: 'quota-example', label: 'Example', hosts: ['api.example.com', '.example.org'] },
    ])
    const provider = { name: 'example', baseUrl: 'https://api.example.com/v1' }
    const source = { provider, token: undefined, signal: new AbortController().signal }
    const balance = { currency: 'USD', remaining: 4.5 }
    expect(await readers[0]!.read({ ...source, key: new Secret('sk-1') })).toEqual({ windows: [], balance })
    expect(asked).toEqual([['https://api.example.com/balance', 'Bearer sk-1']])
    expect(await readers[0]!.read({ ...source, key: undefined })).toMatchObject({ problem: 'unconfigured' })
  })
})

describe('definePreset', () => {
  it('gives the manifest back', () => {
    const manifest = { name: 'team', version: '1.0.0', Router: { default: 'ours,large' } }
    expect(definePreset(manifest)).toBe(manifest)
  })
})

it('a plugin without a schema of options takes none', async () => {
  const plain = definePlugin({
    name: 'plain',
    apiVersion: 1,
    description: 'Takes no options.',
    activate: () => undefined,
  })
  expect(plain.options).toMatchObject({ type: 'object', properties: {}, additionalProperties: false })
  const options = { word: 'x' }
  await expect(createTestKernel({ plugins: [{ plugin: plain, options }] })).rejects.toMatchObject({
    code: 'CCR_PLUGIN_OPTIONS',
  })
})
