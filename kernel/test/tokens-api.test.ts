import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ask,
  createPresetWorld,
  echoProvider,
  serveWeb,
  type PresetWorld,
  type WebServer,
} from './support/preset-world.ts'

let world: PresetWorld
let upstream: WebServer
let counter: WebServer
let questions: { readonly path: string; readonly authorization: string | undefined; readonly size: number }[] = []
let answer = 4321

beforeEach(async () => {
  world = await createPresetWorld()
  questions = []
  answer = 4321
  upstream = await serveWeb(echoProvider())
  counter = await serveWeb((request, response) => {
    let size = 0
    request.on('data', (chunk: Buffer) => void (size += chunk.length))
    request.on('end', () => {
      questions.push({ path: request.url!, authorization: request.headers.authorization, size })
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ input_tokens: answer }))
    })
  })
})
afterEach(async () => {
  await world.dispose()
  await upstream.close()
  await counter.close()
})

async function countTokens(url: string, model: string): Promise<unknown> {
  const reply = await fetch(`${url}/v1/messages/count_tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] }),
  })
  return reply.json()
}

const provider = (name: string, path: string) => ({
  name,
  api_base_url: `${upstream.url}/v1`,
  api_key: 'k-1',
  models: ['m', 'long'],
  tokenizer: {
    default: { type: 'api', url: `${counter.url}${path}`, apiKey: '$COUNT_KEY', requestFormat: 'anthropic' },
  },
})

describe("a provider's API", () => {
  it('counts for count_tokens, the providers of a preset too, and the key is the one of the environment', async () => {
    await world.config({ Providers: [provider('hub', '/main')], Router: { default: 'hub,m' } })
    const router = await world.start({ COUNT_KEY: 'k-of-the-environment' })
    expect(await countTokens(router.url, 'hub,m')).toEqual({ input_tokens: 4321 })
    expect(await countTokens(router.url, 'claude-any')).toEqual({ input_tokens: 1 })
    expect(questions).toMatchObject([{ path: '/main', authorization: 'Bearer k-of-the-environment' }])

    const file = await world.manifest({
      name: 'team',
      version: '1.0.0',
      Providers: [
        {
          ...provider('hub', '/team'),
          api_key: '',
          tokenizer: { default: { type: 'api', url: `${counter.url}/team` } },
        },
      ],
      Router: { default: 'hub,m' },
    })
    expect(await world.ccr(['preset', 'install', file, '--yes'])).toMatchObject({ code: 0 })
    expect(await countTokens(`${router.url}/preset/team`, 'hub,m')).toEqual({ input_tokens: 4321 })
    expect(questions.at(-1)).toMatchObject({ path: '/team', authorization: undefined })
  })

  it('decides what a long context is for the model that would answer otherwise, if it can', async () => {
    await world.config({
      Providers: [provider('hub', '/main')],
      Router: { default: 'hub,m', longContext: 'hub,long', longContextThreshold: 2 },
    })
    const router = await world.start({ COUNT_KEY: 'k' })
    expect((await ask(router.url)).text).toContain('k-1 long')
    answer = 2
    expect((await ask(router.url)).text).toContain('k-1 m')
    expect(questions).toHaveLength(2)
    await counter.close()
    counter = await serveWeb((_, response) => void response.end())
    expect((await ask(router.url)).text).toContain('k-1 m')
  })
})
