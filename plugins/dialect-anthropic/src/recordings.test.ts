import type { Attempt, CanonicalEvent } from '@ccr/sdk'
import Anthropic from '@anthropic-ai/sdk'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accumulate, decode, note, pass, present, recordedAnswers, recordedStreams } from '../test/recordings.ts'
import { client } from './client.ts'
import { createEncoder } from './encoder.ts'
import { createModelTraits } from './model-traits.ts'
import { createTarget } from './target.ts'

const target = createTarget(createModelTraits())

const attempt = { exchange: { newId: (prefix: string) => prefix }, target: { model: 'm' } } as unknown as Attempt
const streams = recordedStreams()
const answers = recordedAnswers()

const ofSize = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))

/** Serves one body at a time, as an Anthropic server would; the official SDK is the oracle of what it means. */
let replay: Server | undefined
let served: { readonly type: string; readonly status: number; readonly body: string | Buffer }

function sdk(): Anthropic {
  const { port } = replay!.address() as AddressInfo
  return new Anthropic({ baseURL: `http://127.0.0.1:${port}`, apiKey: 'test', maxRetries: 0, timeout: 10_000 })
}

const params = { model: 'm', max_tokens: 9, messages: [{ role: 'user' as const, content: 'hi' }] }

async function streamed(body: string | Buffer): Promise<Read> {
  served = { type: 'text/event-stream', status: 200, body }
  return plain(await sdk().beta.messages.stream(params).finalMessage())
}

async function whole(answer: object): Promise<Read> {
  served = { type: 'application/json', status: 200, body: JSON.stringify(answer) }
  return plain(await sdk().beta.messages.create(params))
}

type Read = Readonly<Record<string, unknown>>

/** Content, stop reason and usage are the oracle's; of usage it may leave out what only newer clients read. */
function expectSame(ours: Read, oracle: Read): void {
  const { content, stop_reason, stop_sequence, usage } = plain(ours)
  expect({ content, stop_reason, stop_sequence }).toEqual({
    content: oracle['content'],
    stop_reason: oracle['stop_reason'],
    stop_sequence: oracle['stop_sequence'] ?? null,
  })
  expect(usage).toMatchObject(known(oracle['usage'] as Read))
}

/** Counts that were given. */
function known(usage: Read): object {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null && value !== undefined))
}

/** Without what the SDK adds of its own. */
function plain(message: object): Read {
  const { parsed_output: _added, ...rest } = message as { parsed_output?: unknown; content?: unknown }
  const content = (rest.content as object[]).map((block) => {
    const { parsed_output: _also, ...fields } = block as { parsed_output?: unknown }
    return fields
  })
  return { ...(JSON.parse(JSON.stringify(rest)) as object), content: JSON.parse(JSON.stringify(content)) as unknown }
}

/** Whether two blocks begin with no stop between them. */
const overlaps = (bytes: Buffer): boolean =>
  /^(?:start,stop,)*start,start/.test(
    [...bytes.toString().matchAll(/^event: content_block_(start|stop)$/gm)].map(([, kind]) => `${kind},`).join(''),
  )

beforeAll(async () => {
  replay = createServer((request, response) => {
    request.resume()
    response.writeHead(served.status, { 'content-type': served.type, connection: 'close' }).end(served.body)
  }).listen(0, '127.0.0.1')
  await once(replay, 'listening')
})

afterAll(() => {
  replay?.close()
  replay?.closeAllConnections()
})

const GIVEN = /"content_block_start".*"type":"tool_use".*"input":\{"/

describe.skipIf(!present)(`recorded streams${note}`, { timeout: 30_000 }, () => {
  it('are there', () => {
    expect(streams.length).toBeGreaterThan(40)
  })

  it.each(streams)('$name is read, encoded and read again', ({ bytes }) => {
    const events = decode([bytes])
    expect(events[0]?.type).toBe('message_start')
    expect(events.at(-1)?.type).toBe('message_stop')
    expect(decode([Buffer.from(createEncoder().events(events))])).toEqual(events)
    for (const size of [1, 7, 1000]) expect(decode(ofSize(bytes, size))).toEqual(events)
  })

  it.each(streams)('$name means to us and to our clients what the official SDK reads in it', async ({ bytes }) => {
    const oracle = await streamed(bytes)
    const events = decode([bytes])
    expectSame(accumulate(events), oracle)
    expect(await streamed(createEncoder().events(events))).toEqual(oracle)
    expectSame(await whole(client.message(accumulate(events), {} as never) as object), oracle)
  })

  it.each(streams)('$name passes with the same bytes and the same skeletons', ({ bytes }) => {
    const all = pass([bytes])
    // One server lets blocks overlap, and calls made by code begin with their arguments, which is mended.
    expect(all.bytes.equals(bytes)).toBe(!overlaps(bytes) && !GIVEN.test(bytes.toString()))
    const skeletons = decode([bytes]).map((event) => ({
      type: event.type,
      ...('index' in event ? { index: event.index } : {}),
      ...(event.type === 'content_block_start' ? { content_block: { type: event.content_block.type } } : {}),
      ...(event.type === 'content_block_delta' ? { delta: { type: event.delta.type } } : {}),
    }))
    expect(all.events).toMatchObject(skeletons)
    expect(all.events).toHaveLength(skeletons.length)
    for (const size of [1, 7, 1000]) expect(pass(ofSize(bytes, size))).toEqual(all)
  })
})

describe.skipIf(!present)(`recorded answers${note}`, { timeout: 30_000 }, () => {
  it('are there', () => {
    expect(answers.length).toBeGreaterThan(10)
  })

  it.each(answers)('$name means to us and to our clients what the official SDK reads in it', async ({ answer }) => {
    if ('error' in answer) {
      served = { type: 'application/json', status: 400, body: JSON.stringify(answer) }
      const thrown: unknown = await sdk()
        .messages.create(params)
        .catch((error: unknown) => error)
      expect(thrown).toBeInstanceOf(Anthropic.BadRequestError)
      const { message } = target.error(answer) ?? {}
      expect(message).toMatch(/./)
      expect((thrown as Error).message).toContain(JSON.stringify(message).slice(1, -1))
      expect(() => target.explode(answer, attempt)).toThrow(expect.objectContaining({ code: 'CCR_STREAM_ERROR' }))
      return
    }
    const oracle = await whole(answer)
    const events = target.explode(answer, attempt) as readonly CanonicalEvent[]
    expectSame(accumulate(events), oracle)
    expectSame(await streamed(createEncoder().events(events)), oracle)
  })
})
