import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody, type Answer as Reply } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { completion, message, messageStream, sendJson, sendStream, startUpstream, type Upstream } from './upstream.ts'

const START_MS = 40_000
const DUMMY_KEY = 'dummy-key-of-the-config-0123'
const TOKEN = 'token-of-the-machine-0123456789'

let google: Upstream
let metadata: Upstream
let router: RunningRouter

beforeAll(async () => {
  const gemini = { candidates: [{ content: { role: 'model', parts: [{ text: 'hello' }] }, finishReason: 'STOP' }] }
  google = await startUpstream(({ url, json }, response) => {
    if (url.includes('/anthropic/'))
      return (json['stream'] ? sendStream(messageStream('hello')) : sendJson(message('hello')))({} as never, response)
    sendJson(url.includes('/google/') ? gemini : completion('hello'))({} as never, response)
  })
  metadata = await startUpstream((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'metadata-flavor': 'Google' })
    response.end(JSON.stringify({ access_token: TOKEN, expires_in: 3600, token_type: 'Bearer' }))
  })
  const provider = (name: string, use: readonly unknown[], more: object = {}): object => ({
    name,
    api_base_url: `${google.url}/`,
    api_key: DUMMY_KEY,
    models: ['m', 'claude'],
    transformer: { use, ...more },
  })
  router = await startRouter({
    env: {
      GCE_METADATA_HOST: metadata.url.replace('http://', ''),
      METADATA_SERVER_DETECTION: 'assume-present',
      GOOGLE_CLOUD_PROJECT: 'of-env',
    },
    config: {
      Providers: [
        provider('claude', ['vertex-claude']),
        provider('gemini', ['Vertex-Gemini']),
        provider('openai', [['vertex-openai', { project: 'of-options', location: 'global' }]]),
        provider('both', ['vertex-gemini'], { claude: { use: [['vertex-claude', { location: 'eu' }]] } }),
        provider('patched', ['vertex-claude', ['maxtoken', { max_tokens: 5 }]]),
        provider('own-key', [['vertex-claude', { auth: 'api_key' }]]),
        provider('faulty', [['vertex-openai', { client_mail: 'a' }]]),
      ],
      Router: { default: 'claude,m' },
    },
  })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await Promise.all([google?.close(), metadata?.close()])
})

function send(model: string, stream = false): Promise<Reply> {
  return ask(`${router.url}/v1/messages`, { body: messagesBody(model, stream) })
}

describe('rule 151: configs that name the transformers of Vertex AI', () => {
  it.each([
    ['claude,m', '/v1/projects/of-env/locations/us-east5/publishers/anthropic/models/m:rawPredict'],
    ['gemini,m', '/v1beta1/projects/of-env/locations/us-central1/publishers/google/models/m:generateContent'],
    ['openai,m', '/v1beta1/projects/of-options/locations/global/endpoints/openapi/chat/completions'],
    ['both,m', '/v1beta1/projects/of-env/locations/us-central1/publishers/google/models/m:generateContent'],
    ['both,claude', '/v1/projects/of-env/locations/eu/publishers/anthropic/models/claude:rawPredict'],
    ['patched,m', '/v1/projects/of-env/locations/us-east5/publishers/anthropic/models/m:rawPredict'],
  ])('ask %s at its URL, with the token of the machine', async (model, url) => {
    const { status, json } = await send(model)
    expect([status, json]).toMatchObject([200, { content: [{ type: 'text', text: 'hello' }] }])
    expect(google.last.url).toBe(url)
    expect(google.last.headers.authorization).toBe(`Bearer ${TOKEN}`)
    for (const name of ['x-api-key', 'x-goog-api-key']) expect(google.last.headers).not.toHaveProperty(name)
    expect(google.last.text).not.toContain(DUMMY_KEY)
    if (model === 'patched,m') expect(google.last.json).toMatchObject({ max_tokens: 5 })
  })

  it('stream', async () => {
    const { status, text } = await send('claude,m', true)
    expect([status, text.includes('message_stop')]).toEqual([200, true])
    expect(google.last.url).toContain('/publishers/anthropic/models/m:streamRawPredict')
    expect(google.last.json).toMatchObject({ anthropic_version: 'vertex-2023-10-16', stream: true })
    expect(google.last.json).not.toHaveProperty('model')
  })

  it('send the key of the provider where they say so', async () => {
    expect((await send('own-key,m')).status).toBe(200)
    expect(google.last.headers).toMatchObject({ 'x-api-key': DUMMY_KEY })
    expect(google.last.headers).not.toHaveProperty('authorization')
  })

  it('leave a provider out whose option is unknown, and say so', async () => {
    const { status, text } = await send('faulty,m')
    expect([status, text.includes('transformer/use/0/1/client_mail')]).toEqual([404, true])
  })

  it('have fetched no token but at the first request of each, and written none', () => {
    expect(metadata.requests.length).toBeLessThanOrEqual(6)
    expect(router.written()).not.toContain(TOKEN)
  })
})

it('the library that logs in is not loaded by the plugin, until it does', () => {
  const entry = new URL('../../plugins/provider-vertex/dist/index.js', import.meta.url).href
  const program = `
    import { createRequire } from 'node:module'
    await import(${JSON.stringify(entry)})
    console.log(Object.keys(createRequire(import.meta.url).cache).filter((file) => /google|gaxios/.test(file)).length)
  `
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).trim()).toBe('0')
})
