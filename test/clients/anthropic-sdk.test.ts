import Anthropic, { AuthenticationError, NotFoundError } from '@anthropic-ai/sdk'
import type { Message, MessageCreateParamsNonStreaming, Tool } from '@anthropic-ai/sdk/resources/messages'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REPLAY_MODELS, startReplay, type ReplayServer } from './replay.ts'
import { startRouter, type RunningRouter } from './router.ts'

/** Longest start or stop of a router. */
const START_MS = 40_000

const weather: Tool = {
  name: 'get_weather',
  description: 'The weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

const cases = [
  {
    name: 'the embedded default',
    models: { text: 'claude-opus-5-5', thinking: 'claude-opus-5-5', tool: 'demo,demo' },
    text: /^You said "hello";/,
    thought: /^I am a demo/,
    replays: false,
  },
  {
    name: 'a chat completions upstream',
    models: { text: 'claude-opus-5-5', thinking: 'replay,tiny-think-chat', tool: 'REPLAY,Tiny-Tool-Chat' },
    text: /^Hello, I am a tiny local model/,
    thought: /^Let me think/,
    replays: true,
  },
]

describe.each(cases)('the official SDK on $name', ({ models, text, thought, replays }) => {
  let replay: ReplayServer | undefined
  let router: RunningRouter
  let client: Anthropic

  beforeAll(async () => {
    replay = replays ? await startReplay() : undefined
    router = await startRouter(replay ? replayConfig(replay) : {})
    client = clientOf(router)
  }, START_MS)

  afterAll(async () => {
    await router?.stop()
    await replay?.close()
  }, START_MS)

  const ways: [string, (params: MessageCreateParamsNonStreaming) => Promise<Message>][] = [
    ['create', (params) => client.messages.create(params)],
    ['stream', (params) => client.messages.stream(params).finalMessage()],
  ]

  describe.each(ways)('%s', (_name, send) => {
    it('gives a text', async () => {
      const message = await send(params(models.text, 'hello'))
      expect(message).toMatchObject({ type: 'message', role: 'assistant', model: models.text, stop_reason: 'end_turn' })
      expect(message.id).toMatch(/^msg_/)
      expect(message.content).toMatchObject([{ type: 'text', text: expect.stringMatching(text) as string }])
      expect(message.usage.input_tokens).toBeGreaterThan(0)
      expect(message.usage.output_tokens).toBeGreaterThan(0)
    })

    it('gives thinking, signed, before the text', async () => {
      const thinking = { type: 'enabled', budget_tokens: 1024 } as const
      const message = await send({ ...params(models.thinking, 'hello'), thinking })
      expect(message.content.map((block) => block.type)).toEqual(['thinking', 'text'])
      expect(message.content[0]).toMatchObject({
        thinking: expect.stringMatching(thought) as string,
        signature: expect.stringMatching(/./) as string,
      })
    })

    it('gives a tool call, and takes its answer', async () => {
      const question = 'Use get_weather for "Paris".'
      const asked = { ...params(models.tool, question), tools: [weather] }
      const message = await send(asked)
      expect(message.stop_reason).toBe('tool_use')
      const call = message.content.find((block) => block.type === 'tool_use')
      expect(call).toMatchObject({ name: 'get_weather', input: { city: 'Paris' } })
      const final = await send({
        ...asked,
        messages: [
          { role: 'user', content: question },
          { role: 'assistant', content: message.content },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: call!.id, content: 'rain' }] },
        ],
      })
      expect(final.stop_reason).toBe('end_turn')
      expect(final.content).toMatchObject([{ type: 'text' }])
      if (replay) expect(replay.requests.at(-1)?.messages.at(-1)).toMatchObject({ role: 'tool', content: 'rain' })
      else expect(final.content).toMatchObject([{ text: 'The tool answered: rain' }])
    })
  })

  it('emits text events whose sum is the final text', async () => {
    const stream = client.messages.stream(params(models.text, 'hello'))
    const parts: string[] = []
    stream.on('text', (part) => parts.push(part))
    const final = await stream.finalMessage()
    expect(parts.length).toBeGreaterThan(1)
    expect(final.content).toMatchObject([{ text: parts.join('') }])
  })

  it('carries a request id', async () => {
    const { request_id } = await client.messages.create(params(models.text, 'hello')).withResponse()
    expect(request_id).toMatch(/^req_/)
  })

  it('answers an unknown provider with 404, naming what exists', async () => {
    const error: unknown = await client.messages.create(params('nobody,x', 'hello')).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(NotFoundError)
    expect(error).toMatchObject({ status: 404, requestID: expect.stringMatching(/^req_/) as string })
    expect((error as Error).message).toContain('nobody')
    expect((error as Error).message).toContain(replay ? 'replay' : 'demo')
    expect((error as NotFoundError).error).toMatchObject({ type: 'error', error: { type: 'not_found_error' } })
  })
})

describe('the official SDK on a router with a key', () => {
  let router: RunningRouter

  beforeAll(async () => {
    router = await startRouter({ APIKEY: 'right-key' })
  }, START_MS)

  afterAll(async () => {
    await router?.stop()
  }, START_MS)

  it('is refused with another key', async () => {
    const answer = clientOf(router, 'wrong-key').messages.create(params('m', 'hello'))
    const error: unknown = await answer.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error).toMatchObject({ status: 401, error: { type: 'error', error: { type: 'authentication_error' } } })
  })

  it('is served with the key', async () => {
    const message = await clientOf(router, 'right-key').messages.create(params('m', 'hello'))
    expect(message.stop_reason).toBe('end_turn')
  })
})

function clientOf(router: RunningRouter, apiKey = 'any'): Anthropic {
  return new Anthropic({ baseURL: router.url, apiKey, authToken: null, maxRetries: 0, timeout: 20_000 })
}

function params(model: string, content: string): MessageCreateParamsNonStreaming {
  return { model, max_tokens: 2048, messages: [{ role: 'user', content }] }
}

function replayConfig(replay: ReplayServer): object {
  return {
    Providers: [{ name: 'replay', api_base_url: replay.url, api_key: 'test', models: REPLAY_MODELS }],
    Router: { default: 'replay,tiny-chat' },
  }
}
