import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
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

  it('that hangs while the config changes fails nobody, and nobody is warned of what the change ended', async () => {
    await counter.close()
    let ended = (): void => undefined
    const end = new Promise<void>((resolve) => (ended = resolve))
    counter = await serveWeb((_, response) => void response.on('close', ended))
    const config = { Router: { default: 'hub,m', longContext: 'hub,long', longContextThreshold: 2 } }
    await world.config({ ...config, Providers: [provider('hub', '/main')] })
    const router = await world.start({ COUNT_KEY: 'k' })
    expect((await ask(router.url)).text).toContain('k-1 m')
    await world.config({ ...config, Providers: [provider('hub', '/other')] })
    expect(await world.ccr(['reload'])).toMatchObject({ code: 0 })
    await end
    // The log is written in order, and later than it is answered: a second change comes behind all of the first.
    await world.config({ ...config, Providers: [provider('hub', '/third')] })
    expect(await world.ccr(['reload'])).toMatchObject({ code: 0 })
    await vi.waitFor(async () => expect(await logs()).toContain('"generation":3'))
    expect(await logs()).not.toContain('tokenizer')
  })

  it('that repeats its key in a refusal, or leads elsewhere, is named in the log, and no key is', async () => {
    await counter.close()
    counter = await serveWeb((request, response) => {
      const location = `${upstream.url}/stolen`
      const redirected = request.url === '/redirect'
      response.writeHead(redirected ? 307 : 401, redirected ? { location } : {})
      response.end(`no such key: ${request.headers.authorization}`)
    })
    const providers = [provider('hub', '/main'), provider('other', '/redirect')]
    await world.config({ Providers: providers, Router: { default: 'hub,m' } })
    const router = await world.start({ COUNT_KEY: 'k-CANARY-of-the-environment' })
    for (const model of ['hub,m', 'OTHER,M']) expect(await countTokens(router.url, model)).toEqual({ input_tokens: 1 })
    await vi.waitFor(async () => {
      expect(await logs()).toContain(`tokenizer 'api:hub' failed: ${counter.url}/main answered with status 401`)
      expect(await logs()).toContain(`tokenizer 'api:other' failed: ${counter.url}/redirect answered with status 307`)
    })
    expect(await logs()).not.toContain('CANARY')
    expect(upstream.connections()).toBe(0)
  })
})

async function logs(): Promise<string> {
  const folder = join(world.home, 'logs')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.log'))
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('')
}
