import { readFileSync } from 'node:fs'
import anthropic from '@ccr/plugin-dialect-anthropic'
import openai from '@ccr/plugin-dialect-openai'
import { createTestKernel, cut, sse, type TestKernel, type TestBody } from '@ccr/sdk/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { violationsOf } from './support/sse-check.ts'
import { plugin, routeTo } from './support/plugins.ts'

const recording = (name: string): string =>
  readFileSync(new URL(`../../test/clients/recordings/${name}.response.sse`, import.meta.url), 'utf8')

/** A stage that changes nothing, so that the answer is decoded and encoded instead of passed on. */
const touch = plugin('touch', (ctx) =>
  ctx.on('transformStream', (stream) => stream.pipe('canonical', { chunk: (event, emit) => emit(event) })),
)

const MESSAGES = [
  'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",' +
    '"model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":0}}}',
  'event: ping\ndata: {"type":"ping"}',
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,' +
    '"content_block":{"type":"text","text":""}}',
  // A line that ends in CR LF, and a blank one that is LF alone.
  'event: content_block_delta\r\ndata: {"type":"content_block_delta","index":0,' +
    '"delta":{"type":"text_delta","text":"Grüße 🙂"}}\r',
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}',
  ': a comment\n\nevent: content_block_start\ndata: {"type":"content_block_start","index":1,' +
    '"content_block":{"type":"tool_use","id":"toolu_1","name":"Read","input":{}}}',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,' +
    '"delta":{"type":"input_json_delta","partial_json":"{\\"a\\":1}"}}',
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":1}',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},' +
    '"usage":{"output_tokens":7}}',
  'event: message_stop\ndata: {"type":"message_stop"}',
]
const messages = MESSAGES.map((frame) => `${frame}\n\n`).join('')

interface Case {
  readonly name: string
  readonly dialect: string
  readonly body: string
  readonly touched: boolean
}

const CASES: readonly Case[] = [
  { name: 'Chat Completions, text', dialect: 'openai', body: recording('tiny-chat-stream'), touched: false },
  { name: 'Chat Completions, thinking', dialect: 'openai', body: recording('tiny-think-chat-stream'), touched: false },
  {
    name: 'Chat Completions, a tool call',
    dialect: 'openai',
    body: recording('tiny-tool-chat-stream'),
    touched: false,
  },
  { name: 'Messages, passed through', dialect: 'anthropic', body: messages, touched: false },
  {
    name: 'Messages, passed through, with more behind the end',
    dialect: 'anthropic',
    body: `${messages}: a comment\n\nevent: ping\ndata: {"type":"ping"}\n\n`,
    touched: false,
  },
  { name: 'Messages, decoded', dialect: 'anthropic', body: messages, touched: true },
  {
    name: 'Messages with an error in the middle',
    dialect: 'anthropic',
    body:
      MESSAGES.slice(0, 4).join('\n\n') +
      '\n\nevent: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n',
    touched: false,
  },
]

const request = { body: { model: 'm', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'hi' }] } }

describe.each(CASES)('$name', ({ dialect, body, touched }) => {
  let answer: TestBody = body
  let kernel: TestKernel | undefined
  const ask = async (pieces: TestBody): Promise<string> => {
    kernel ??= await createTestKernel({
      leaks: 'ignore',
      plugins: [anthropic, openai, ...(touched ? [touch] : []), routeTo('test')],
      providers: [{ dialect }],
      upstream: () => sse(answer),
    })
    answer = pieces
    const reply = await kernel.request(request)
    return `${reply.status} ${reply.text}`
  }
  afterAll(() => kernel?.dispose())

  it('gives the client the same bytes however its bytes are cut', { timeout: 120_000 }, async () => {
    const whole = await ask(body)
    const size = Buffer.byteLength(body)
    expect(size).toBeLessThan(8192)
    for (let at = 1; at < size; at++) if ((await ask(cut(body, at))) !== whole) expect(at).toBe('a harmless cut')
    expect(await ask(cut(body, ...Array.from({ length: size - 1 }, (_, index) => index + 1)))).toBe(whole)
    let seed = 1
    const random = (limit: number): number => (seed = (seed * 48_271) % 2_147_483_647) % limit
    for (let run = 0; run < 200; run++) {
      const cuts = Array.from({ length: 1 + random(30) }, () => random(size))
      expect(await ask(cut(body, ...cuts))).toBe(whole)
    }
  })

  it('ends every prefix at an event boundary that lacks its end in one error, never in message_stop', async () => {
    const frames = body.split(/(?<=\n\r?\n)/)
    const terminal = frames.findIndex((frame) => /\[DONE\]|message_stop|event: error/.test(frame))
    const told = frames.findIndex((frame) => /"finish_reason":"/.test(frame))
    for (let length = 0; length < (told < 0 ? terminal : told); length++) {
      const reply = await ask(frames.slice(0, length).join(''))
      expect(reply).not.toContain('event: message_stop')
      expect(reply.split('"type":"error"')).toHaveLength(2)
    }
  })

  it('gives an order of events that an independent checker accepts', async () => {
    const reply = await ask(body)
    // What message_start says of the input is an estimate where the upstream gives none until its end.
    const violations = violationsOf(reply.slice(4)).filter((one) => !one.startsWith('I16: input_tokens fell'))
    expect(violations).toEqual([])
  })
})
