import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody, type Answer as Reply } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { completion, message, sendJson, startUpstream, type Upstream } from './upstream.ts'

const START_MS = 40_000

/** Names of transformers, each with options that it takes. */
const NAMES: Readonly<Record<string, object>> = {
  cleancache: {},
  customparams: { enable_thinking: false },
  maxcompletiontokens: {},
  maxtoken: { max_tokens: 16_384 },
  reasoning: { enable: false },
  sampling: { temperature: 0.7 },
  streamoptions: {},
}

const CUSTOM = `
import { definePlugin, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'custom', apiVersion: 1, description: 'for a test', transformers: [{ name: 'custom' }],
  options: Type.Object({ size: Type.Number({ description: 'Size.' }) }, { additionalProperties: false }),
  activate(ctx) {
    const change = (outbound) => ({ ...outbound, body: { ...outbound.body, size: ctx.options.size } })
    ctx.on('transformRequest', change, { stage: 'wire' })
  },
})
`

let chat: Upstream
let messages: Upstream
let router: RunningRouter
const folder = mkdtempSync(join(tmpdir(), 'ccr-transformers-'))

beforeAll(async () => {
  writeFileSync(join(folder, 'custom.ts'), CUSTOM)
  chat = await startUpstream(sendJson(completion('hello')))
  messages = await startUpstream(sendJson(message('hello')))
  const provider = (name: string, use: readonly unknown[], more: object = {}): object => ({
    name,
    api_base_url: name.startsWith('messages') ? messages.url : `${chat.url}/v1/chat/completions`,
    api_key: 'provider-key-0123456789',
    models: ['m', 'special'],
    transformer: { use, ...more },
  })
  const all = Object.entries(NAMES)
  router = await startRouter({
    config: {
      Providers: [
        ...all.map(([name, options]) => provider(`one-${name}`, [[name, options]])),
        provider('names', Object.keys(NAMES)),
        provider('spelled', ['MaxCompletionTokens', ['MAXTOKEN', { max_tokens: 5 }]]),
        provider('all', all, {
          special: {
            use: [
              ['customparams', { more: 1 }],
              ['maxtoken', { max_tokens: 7 }],
            ],
          },
        }),
        provider('messages', ['Anthropic', ...all.filter(([name]) => name !== 'cleancache')], {
          special: { use: ['cleancache', ['sampling', { top_k: 3 }]] },
        }),
        provider('custom', [[`file:${join(folder, 'custom.ts')}`, { size: 2 }]]),
        provider('faulty-option', [['maxtoken', { max_tokens: 0 }]]),
        provider('faulty-key', [['customparams', { ccr_request: {} }]]),
        provider('faulty-place', [['streamoptions', { include_usage: true }]]),
      ],
      Router: { default: 'all,m' },
    },
  })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await Promise.all([chat?.close(), messages?.close()])
  rmSync(folder, { recursive: true, force: true })
})

function send(model: string, more: object = {}): Promise<Reply> {
  return ask(`${router.url}/v1/messages`, { body: { ...messagesBody(model, false), max_tokens: 20_000, ...more } })
}

describe('transformer.use', () => {
  it.each(Object.keys(NAMES))('rule 14: takes %s with options', async (name) => {
    expect(await send(`one-${name},m`)).toMatchObject({ status: 200 })
  })

  it('takes every name without options too, in any spelling', async () => {
    expect(await send('names,m')).toMatchObject({ status: 200 })
    expect(await send('spelled,m')).toMatchObject({ status: 200 })
    expect(chat.last.json).toMatchObject({ max_completion_tokens: 5 })
  })

  it('rule 14: takes the file of a transformer with options', async () => {
    expect(await send('custom,m')).toMatchObject({ status: 200 })
    expect(chat.last.json).toMatchObject({ size: 2 })
  })

  it('runs the list of the provider, then that of the model', async () => {
    const thinking = { type: 'enabled', budget_tokens: 1024 }
    expect(await send('all,m', { thinking })).toMatchObject({ status: 200 })
    const expected = { temperature: 0.7, thinking: { type: 'disabled' } }
    expect(chat.last.json).toMatchObject({ ...expected, enable_thinking: false, max_completion_tokens: 16_384 })
    await send('all,special', { thinking })
    expect(chat.last.json).toMatchObject({ ...expected, more: 1, max_completion_tokens: 7 })
  })

  it('holds for a provider of the Messages protocol, as far as that has it', async () => {
    const content = [{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }]
    const more = { messages: [{ role: 'user', content }] }
    expect(await send('messages,m', more)).toMatchObject({ status: 200 })
    const { json, text } = messages.last
    expect(json).toMatchObject({ max_tokens: 16_384, temperature: 0.7, enable_thinking: false })
    expect(json).not.toHaveProperty('thinking')
    expect(text).toContain('ephemeral')
    await send('messages,special', more)
    expect(messages.last.json).toMatchObject({ temperature: 0.7, top_k: 3 })
    expect(messages.last.text).not.toContain('ephemeral')
  })

  it.each([
    ['faulty-option', 'max_tokens'],
    ['faulty-key', 'ccr_request'],
    ['faulty-place', 'include_usage'],
  ])('leaves a provider out whose transformer gets a wrong option, and says so: %s', async (name, option) => {
    const { status, json } = await send(`${name},m`)
    expect(status).toBe(404)
    const { message } = (json as { error: { message: string } }).error
    expect(message).toContain(name)
    expect(message).toContain(`transformer/use/0/1/${option}`)
  })
})

describe('the plugins that come with the router', () => {
  const root = new URL('../../', import.meta.url)
  const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

  it('are called as their folders are', () => {
    const names = readdirSync(new URL('plugins', root)).map((folder) => [
      folder,
      (JSON.parse(read(`plugins/${folder}/dist/manifest.json`)) as Described).name,
    ])
    for (const [folder, name] of names) expect(name).toBe(folder)
  })

  it('have a row in docs/reference/transformers.md for each of their transformers, sorted', () => {
    const known = readdirSync(new URL('plugins', root)).flatMap((folder) => {
      const { name, transformers, dialects } = JSON.parse(read(`plugins/${folder}/dist/manifest.json`)) as Described
      // The names of a dialect that the plugin speaks itself stand for nothing else.
      const isEntry = (dialect?: string): boolean => dialect === undefined || !dialects.includes(dialect)
      return transformers.flatMap(({ name: main, aliases = [], dialect }) =>
        isEntry(dialect) ? `${[main, ...aliases].map((one) => `\`${one}\``).join(', ')} ${name}` : [],
      )
    })
    const rows = read('docs/reference/transformers.md').matchAll(/^\| (`.+?`) \| `([^`]+)` \|/gm)
    const told = [...rows].map(([, name, plugin]) => `${name} ${plugin}`)
    expect(told).toEqual(known.sort())
  })
})

interface Described {
  readonly name: string
  readonly dialects: readonly string[]
  readonly transformers: readonly {
    readonly name: string
    readonly aliases?: readonly string[]
    readonly dialect?: string
  }[]
}
