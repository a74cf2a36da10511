import { definePlugin } from '@ccr/sdk'
import { json, sse, type TestUpstream } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { sendThrough } from '../../../test/rules/transformer-world.ts'
import { completionStream, messageStream } from '../../../test/rules/upstream.ts'
import plugin from './index.ts'

const STREAMS: TestUpstream = () => sse(completionStream('hello'))
const request = { stream: true }

/** A wire patch that stands before: what other plugins may have said. */
const saying = (stream_options: unknown) =>
  definePlugin({
    name: 'saying',
    apiVersion: 1,
    description: 'Says stream_options.',
    activate(ctx) {
      const change = (body: object): object => ({ ...body, stream_options })
      ctx.on('transformRequest', (outbound) => ({ ...outbound, body: change(outbound.body as object) }), {
        stage: 'wire',
      })
    },
  })

describe('streamoptions', () => {
  it.each([
    ['nothing', undefined],
    ['that it is not wanted', { include_usage: false }],
    ['null', null],
    ['what it is not', 'all'],
  ])('rule 166: asks a stream for its usage where it says %s', async (_, said) => {
    const sent = await sendThrough({ dialect: 'openai', use: [saying(said), plugin], request, upstream: STREAMS })
    expect(sent.body['stream_options']).toEqual({ include_usage: true })
    expect(sent.reply.text).toContain('message_stop')
  })

  it('rule 166: says nothing where nothing is streamed', async () => {
    const { body } = await sendThrough({ dialect: 'openai', use: [plugin] })
    expect(body).toMatchObject({ stream: false })
    expect(body).not.toHaveProperty('stream_options')
  })

  it('keeps what else is said', async () => {
    const use = [saying({ include_obfuscation: false }), plugin]
    const { body } = await sendThrough({ dialect: 'openai', use, request, upstream: STREAMS })
    expect(body['stream_options']).toEqual({ include_obfuscation: false, include_usage: true })
  })

  it('asks for it also where the dialect has learnt to leave it out: the refusal reaches the client', async () => {
    const upstream: TestUpstream = ({ body }) =>
      'stream_options' in (JSON.parse(String(body)) as object)
        ? json({ error: { message: 'Unknown parameter: stream_options' } }, 400)
        : STREAMS({} as never)
    const learnt = await sendThrough({ dialect: 'openai', request, upstream })
    expect(learnt.bodies.map((body) => 'stream_options' in body)).toEqual([true, false])
    const told = await sendThrough({ dialect: 'openai', use: [plugin], request, upstream })
    expect(told.bodies.map((body) => 'stream_options' in body)).toEqual([true, true])
    expect(told.reply.status).toBe(400)
    expect(told.reply.text).toContain('stream_options')
  })

  it('holds for a model alone, and may stand in both lists and twice', async () => {
    const chains = { use: [saying(undefined)], modelUse: [plugin, plugin] }
    const of = async (model: string) =>
      (await sendThrough({ dialect: 'openai', ...chains, request: { stream: true, model }, upstream: STREAMS })).body
    expect((await of('model'))['stream_options']).toEqual({ include_usage: true })
    expect((await of('other'))['stream_options']).toBeUndefined()
  })

  it('lets a target of another protocol pass, whose request goes out as it came', async () => {
    const raw = '{ "model":"model", "max_tokens":9, "stream" : true, "messages":[{"role":"user","content":"hi"}] }'
    const upstream: TestUpstream = () => sse(messageStream('hello'))
    expect((await sendThrough({ dialect: 'anthropic', use: [plugin], request: raw, upstream })).text).toBe(raw)
  })
})
