import type { CanonicalEvent } from '@ccr/sdk'
import { definePlugin, Type, type Plugin } from '@ccr/sdk'
import { createTestKernel, sse, type TestKernel, type TestReply } from '@ccr/sdk/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accumulate, decode, note, pass, present, recordedStreams } from '../test/recordings.ts'
import { cutAt, overlappingStream, wireStream, type WireStream } from '../test/wire-streams.ts'
import dialect from './index.ts'

const numRuns = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)
const LIMITS = { timeout: 60_000 + numRuns * 60 }
/** Longest recording of which every byte prefix is read. */
const SMALL = 8 * 1024

function plugin(name: string, activate: Plugin['activate']): Plugin {
  const options = Type.Object({}, { additionalProperties: false })
  return definePlugin({ name, apiVersion: 1, description: 'for a test', options, activate: activate as never })
}

const route = plugin('route', (ctx) =>
  ctx.on('selectRoute', (plan) => ({
    ...plan,
    targets: [{ provider: 'test', model: 'model' }],
    decidedBy: 'route',
    source: 'config' as const,
  })),
)
/** A transform that changes nothing, so that answers are converted instead of passed on. */
const convert = plugin('convert', (ctx) =>
  ctx.on('transformStream', (stream) => stream.pipe('canonical', { chunk: (event, emit) => emit(event) })),
)

/** What the upstream of the running request sends. */
let reads: readonly Uint8Array[] = []
const kernels: TestKernel[] = []

beforeAll(async () => {
  for (const more of [[], [convert]]) {
    const providers = [{ dialect: 'anthropic', baseUrl: 'http://127.0.0.1:9' }]
    const plugins = [dialect, route, ...more]
    kernels.push(await createTestKernel({ plugins, providers, upstream: () => sse(reads), leaks: 'ignore' }))
  }
})

afterAll(async () => {
  for (const kernel of kernels) await kernel.dispose()
})

function ask(kernel: TestKernel, bytes: readonly Uint8Array[], stream = true): Promise<TestReply> {
  reads = bytes
  return kernel.request({ body: { model: 'm', max_tokens: 9, stream, messages: [{ role: 'user', content: 'hi' }] } })
}

/** A client is told of a failure once, and of no end. */
function expectFailure({ status, text }: TestReply): void {
  const error = { type: 'error', error: { type: 'api_error' } }
  if (status !== 200) return void expect(JSON.parse(text)).toMatchObject(error)
  const types = [...text.matchAll(/^event: ?(\w+)/gm)].map(([, type]) => type)
  expect(types.filter((type) => type === 'error')).toHaveLength(1)
  expect(types.at(-1)).toBe('error')
  expect(types).not.toContain('message_stop')
}

const whole = ({ frames }: WireStream): Buffer => Buffer.from(frames.join(''))
const types = (events: readonly CanonicalEvent[]): string[] => events.map((event) => event.type)

/** Type and index: what is known of any event that is passed on. */
const essence = (event: CanonicalEvent): unknown => [event.type, 'index' in event ? event.index : undefined]

function failureOf(act: () => unknown): unknown {
  try {
    act()
  } catch (thrown) {
    return (thrown as { code?: unknown }).code
  }
  return undefined
}

describe('any answer', LIMITS, () => {
  const cuts = fc.array(fc.nat(), { maxLength: 8 })

  it('means the same however its bytes are cut and spelled', () => {
    fc.assert(
      fc.property(wireStream, cuts, (stream, places) => {
        const bytes = whole(stream)
        const events = decode(cutAt(bytes, places))
        expect(events).toEqual(decode([bytes]))
        const { content, stop_reason, usage } = accumulate(events)
        expect({ content, stop_reason }).toEqual({ content: stream.content, stop_reason: stream.stopReason })
        expect(usage).toMatchObject(stream.usage)
      }),
      { numRuns },
    )
  })

  it('passes with its bytes, and with the skeletons of its events, however it is cut', () => {
    fc.assert(
      fc.property(wireStream, cuts, (stream, places) => {
        const bytes = whole(stream)
        const passed = pass(cutAt(bytes, places))
        if (stream.early) {
          // What follows the last whole event, such as half a line end, stays behind.
          expect(bytes.subarray(0, passed.bytes.length).equals(passed.bytes)).toBe(true)
          expect(bytes.length - passed.bytes.length).toBeLessThanOrEqual(1)
        } else expect(passed.bytes.equals(pass([bytes]).bytes)).toBe(true)
        expect(types(passed.events)).toEqual(types(decode([bytes])))
        expect(passed.events).toEqual(pass([bytes]).events)
      }),
      { numRuns },
    )
  })

  it('reaches a client whole: passed on, converted, and not streamed', async () => {
    await fc.assert(
      fc.asyncProperty(wireStream, cuts, async (stream, places) => {
        const bytes = cutAt(whole(stream), places)
        const expected = { content: stream.content, stop_reason: stream.stopReason, usage: stream.usage }
        for (const kernel of kernels) {
          const streamed = await ask(kernel, bytes)
          expect(streamed).toMatchObject({ status: 200, cut: false })
          expect(accumulate(decode([Buffer.from(streamed.text)]))).toMatchObject(expected)
          expect((await ask(kernel, bytes, false)).json()).toMatchObject(expected)
        }
      }),
      { numRuns },
    )
  })

  it('whose blocks overlap reaches a client as if they did not', async () => {
    await fc.assert(
      fc.asyncProperty(overlappingStream, cuts, async (stream, places) => {
        const bytes = cutAt(whole(stream), places)
        const expected = { content: stream.content, stop_reason: stream.stopReason, usage: stream.usage }
        expect(pass(bytes).events.map(essence)).toEqual(decode([pass(bytes).bytes]).map(essence))
        for (const kernel of kernels) {
          const streamed = await ask(kernel, bytes)
          expect(streamed, streamed.text).toMatchObject({ status: 200, cut: false })
          expect(accumulate(decode([Buffer.from(streamed.text)]))).toMatchObject(expected)
          expect((await ask(kernel, bytes, false)).json()).toMatchObject(expected)
        }
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    )
  })

  it('that ends too early, after any event, ends in one error', async () => {
    await fc.assert(
      fc.asyncProperty(wireStream, fc.nat(), cuts, async (stream, seed, places) => {
        for (let count = 0; count < stream.frames.length; count++) {
          const bytes = Buffer.from(stream.frames.slice(0, count).join(''))
          expect(failureOf(() => decode([bytes]))).toBe('CCR_STREAM_ENDED')
        }
        const bytes = Buffer.from(stream.frames.slice(0, seed % stream.frames.length).join(''))
        for (const kernel of kernels) expectFailure(await ask(kernel, cutAt(bytes, places)))
      }),
      { numRuns },
    )
  })
})

describe.skipIf(!present)(`recorded streams${note}`, LIMITS, () => {
  const streams = recordedStreams()

  it.each(streams)('$name reaches a client whole, passed on and converted', async ({ bytes }) => {
    const { content, stop_reason, usage } = accumulate(decode([bytes]))
    for (const kernel of kernels) {
      const streamed = await ask(kernel, [bytes])
      expect(streamed, streamed.text).toMatchObject({ status: 200, cut: false })
      const expected = { content, stop_reason, usage }
      expect(accumulate(decode([Buffer.from(streamed.text)]))).toMatchObject(expected)
      expect((await ask(kernel, [bytes], false)).json()).toMatchObject(expected)
    }
  })

  it.each(streams)('$name that ends too early, after any event, ends in one error', async ({ bytes }) => {
    const frames = bytes.toString().split(/(?<=\n\n)/)
    const end = frames.findIndex((frame) => frame.startsWith('event: message_stop'))
    for (let count = 0; count <= end; count++) {
      const prefix = [Buffer.from(frames.slice(0, count).join(''))]
      for (const kernel of kernels) expectFailure(await ask(kernel, prefix))
    }
  })

  const small = streams.filter(({ bytes }) => bytes.length <= SMALL)

  it.each(small)('$name that ends too early, after any byte, ends in no message_stop', ({ bytes }) => {
    const end = bytes.indexOf('"message_stop"', bytes.indexOf('event: message_stop'))
    for (let at = 0; at <= end; at++) {
      expect(
        failureOf(() => decode([bytes.subarray(0, at)])),
        `byte ${at}`,
      ).toBe('CCR_STREAM_ENDED')
      expect(types(pass([bytes.subarray(0, at)]).events)).not.toContain('message_stop')
    }
  })
})
