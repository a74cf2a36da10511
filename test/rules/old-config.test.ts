import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody, type Answer as Reply } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { completion, message, sendJson, startUpstream, type Upstream } from './upstream.ts'

const START_MS = 40_000

const CLASS = `
module.exports = class {
  name = 'sign'
  constructor(options) { this.options = options }
  async transformRequestIn(body, provider) {
    const headers = { 'x-signed': this.options.by, authorization: 'Basic ' + btoa(provider.apiKey) }
    return { body: { ...body, signed: true }, config: { headers } }
  }
  async transformResponseOut(response) { return response }
}
`

const ROUTER = `
module.exports = async function router(req, config) {
  const text = req.body.messages.at(-1).content
  return text === 'by my own rule' ? config.Providers[0].name + ',' + config.Providers[0].models[0] : null
}
`

let chat: Upstream
let messages: Upstream
let router: RunningRouter
const folder = mkdtempSync(join(tmpdir(), 'ccr-old-'))

/** A config as people have it, with all that the older programs read. */
function config(): object {
  const url = `${chat.url}/v1/chat/completions`
  return {
    LOG: true,
    LOG_LEVEL: 'debug',
    HOST: '127.0.0.1',
    APIKEY: '',
    API_TIMEOUT_MS: '600000',
    PROXY_URL: '',
    CLAUDE_PATH: '',
    NON_INTERACTIVE_MODE: false,
    CUSTOM_ROUTER_PATH: join(folder, 'router.js'),
    transformers: [{ path: join(folder, 'sign.js'), options: { by: 'me' } }],
    Providers: [
      {
        name: 'openrouter',
        api_base_url: url,
        api_key: 'sk-openrouter-0123456789',
        models: ['google/gemini-2.5-pro', 'anthropic/claude-sonnet-4'],
        transformer: { use: ['openrouter'] },
      },
      {
        name: 'deepseek',
        api_base_url: url,
        api_key: 'sk-deepseek-0123456789',
        models: ['deepseek-chat', 'deepseek-reasoner'],
        transformer: { use: ['deepseek'], 'deepseek-chat': { use: ['tooluse'] } },
      },
      {
        name: 'modelscope',
        api_base_url: url,
        api_key: 'sk-modelscope-0123456789',
        models: ['Qwen/Qwen3-Coder'],
        transformer: {
          use: [['maxtoken', { max_tokens: 65536 }], 'enhancetool'],
          'Qwen/Qwen3-Coder': { use: ['reasoning'] },
        },
      },
      { name: 'ollama', api_base_url: url, api_key: 'ollama', models: ['qwen2.5-coder:latest'] },
      {
        name: 'claude',
        api_base_url: `${messages.url}/v1/messages`,
        api_key: 'sk-claude-0123456789',
        models: ['claude-sonnet-4'],
        transformer: { use: ['Anthropic'] },
      },
      {
        name: 'signed',
        api_base_url: url,
        api_key: 'sk-signed-0123456789',
        models: ['m'],
        transformer: { use: ['sign'], m: { use: ['cleancache', 'streamoptions', ['sampling', { temperature: 0.1 }]] } },
      },
    ],
    Router: {
      default: 'deepseek,deepseek-chat',
      background: 'ollama,qwen2.5-coder:latest',
      think: 'deepseek,deepseek-reasoner',
      longContext: 'openrouter,google/gemini-2.5-pro',
      longContextThreshold: 60000,
      webSearch: '',
      image: '',
    },
    fallback: { default: ['claude,claude-sonnet-4'] },
    StatusLine: { enabled: true, currentStyle: 'default', default: { modules: [] } },
    plugins: [{ name: 'token-speed', enabled: true, options: {} }],
  }
}

beforeAll(async () => {
  writeFileSync(join(folder, 'sign.js'), CLASS)
  writeFileSync(join(folder, 'router.js'), ROUTER)
  chat = await startUpstream(sendJson(completion('hello')))
  messages = await startUpstream(sendJson(message('from the fallback')))
  router = await startRouter({ config: config() })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await Promise.all([chat?.close(), messages?.close()])
  rmSync(folder, { recursive: true, force: true })
})

function send(model: string, content: string, more: object = {}): Promise<Reply> {
  const body = { ...messagesBody(model, false), messages: [{ role: 'user', content }], max_tokens: 32_000, ...more }
  return ask(`${router.url}/v1/messages`, { body })
}

describe('a config of Claude Code Router', () => {
  it('starts with all its providers, and tells what is not there', async () => {
    await expect.poll(() => router.written()).toContain('plugin token-speed was left out')

    expect(router.written()).not.toContain('is disabled')
    const { json } = await ask(`${router.url}/v1/models`, { method: 'GET' })
    const ids = (json as { data: { id: string }[] }).data.map(({ id }) => id)
    for (const provider of ['openrouter', 'deepseek', 'modelscope', 'ollama', 'claude', 'signed'])
      expect(ids.some((id) => id.startsWith(provider))).toBe(true)
  })

  it.each([
    ['what nothing else decides about', 'claude-sonnet-4-5', 'hi', {}, 'deepseek,deepseek-chat'],
    ['housekeeping', 'claude-3-5-haiku', 'hi', {}, 'ollama,qwen2.5-coder:latest'],
    [
      'thinking',
      'claude-sonnet-4-5',
      'hi',
      { thinking: { type: 'enabled', budget_tokens: 4000 } },
      'deepseek,deepseek-reasoner',
    ],
    ['a long conversation', 'claude-sonnet-4-5', 'the cat '.repeat(40_000), {}, 'openrouter,google/gemini-2.5-pro'],
    ['what the custom router decides', 'claude-sonnet-4-5', 'by my own rule', {}, 'openrouter,google/gemini-2.5-pro'],
    ['what the client names', 'modelscope,Qwen/Qwen3-Coder', 'hi', {}, 'modelscope,Qwen/Qwen3-Coder'],
  ])('sends %s where it says', async (_, model, content, more, target) => {
    const { status, headers } = await send(model, content, more)
    expect([status, `${headers['x-ccr-provider']},${headers['x-ccr-model']}`]).toEqual([200, target])
  })

  it('has its transformers take part', async () => {
    const tools = [{ name: 'f', input_schema: { type: 'object', properties: {} } }]
    await send('deepseek,deepseek-chat', 'hi', { tools })
    expect(chat.last.json).toMatchObject({ max_tokens: 8192, tool_choice: 'required' })
    await send('modelscope,Qwen/Qwen3-Coder', 'hi', { max_tokens: 100_000, thinking: { type: 'disabled' } })
    expect(chat.last.json).toMatchObject({ max_tokens: 65_536, enable_thinking: false })
    await send('signed,m', 'hi')
    expect(chat.last.json).toMatchObject({ signed: true, temperature: 0.1 })
    expect(chat.last.headers).toMatchObject({
      'x-signed': 'me',
      authorization: `Basic ${btoa('sk-signed-0123456789')}`,
    })
  })

  it('has its fallback answer where a provider fails', async () => {
    chat.answer = sendJson({ error: { message: 'no' } }, 500)
    const { status, text } = await send('deepseek,deepseek-chat', 'hi')
    expect(status).toBe(200)
    expect(text).toContain('from the fallback')
  })
})
