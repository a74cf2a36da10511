import type { CanonicalEvent, StreamFunction } from '@ccr/sdk'
import {
  createTestKernel,
  cut,
  type TestAnswer,
  type TestKernel,
  type TestRequest,
  type TestUpstream,
  type TestBody,
} from '@ccr/sdk/testing'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { answerEvents, hello, lines, plainDialect, plugin, routeTo } from './support/plugins.ts'

const TEXT = 'one two three four five six seven eight'
const body = lines(answerEvents(TEXT)).join('')
const jsonl = (given: TestBody): TestAnswer => ({
  headers: { 'content-type': 'application/jsonl' },
  body: given,
})
const request: TestRequest = { path: '/plain', body: { ...hello, stream: true } }
const eventsOf = (text: string): CanonicalEvent[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CanonicalEvent)

const through = (stage: 'wire' | 'canonical', run: StreamFunction, timeoutMs?: number) =>
  plugin('through', (ctx) =>
    ctx.on('transformStream', (stream) => {
      if (stage === 'wire') stream.through('wire', run as StreamFunction<never, unknown>, { timeoutMs })
      else stream.through('canonical', run, { timeoutMs })
    }),
  )

async function kernelWith(plugins: readonly ReturnType<typeof plugin>[], answer: TestUpstream): Promise<TestKernel> {
  return createTestKernel({
    plugins: [plainDialect, ...plugins, routeTo('test')],
    providers: [{ dialect: 'plain' }],
    upstream: answer,
  })
}

/** What a stage makes of one event, from a recipe: text is said as often as its place in the recipe says. */
const repeated = (recipe: readonly number[]) => {
  let at = 0
  return (event: CanonicalEvent): CanonicalEvent[] => {
    if (event.type !== 'content_block_delta') return [event]
    const times = recipe[at++ % recipe.length]!
    return Array.from({ length: times }, () => event)
  }
}

describe.each(['wire', 'canonical'] as const)('a whole-stream stage over %s events', (stage) => {
  let recipe: readonly number[] = [1]
  let group = 1
  let given: TestBody = body
  const whole: StreamFunction = async function* (batches) {
    const map = repeated(recipe)
    for await (const batch of batches) {
      const made = batch.flatMap(map)
      for (let at = 0; at < made.length; at += group) yield made.slice(at, at + group)
    }
  }
  const piped = plugin('piped', (ctx) =>
    ctx.on('transformStream', (stream) => {
      const map = repeated(recipe)
      stream.pipe('canonical', { chunk: (event, emit) => map(event).forEach(emit) })
    }),
  )
  const kernels = [kernelWith([through(stage, whole)], () => jsonl(given)), kernelWith([piped], () => jsonl(given))]
  afterAll(async () => {
    for (const kernel of kernels) await (await kernel).dispose()
  })

  it('gives what the same function gives as a pipe, however bytes are cut and batches grouped', async () => {
    const [throughKernel, pipedKernel] = await Promise.all(kernels)
    const offsets = fc.array(fc.nat({ max: Buffer.byteLength(body) }), { maxLength: 12 })
    const recipes = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(offsets, recipes, fc.integer({ min: 1, max: 5 }), fc.boolean(), async (at, how, by, stream) => {
        const asked = { path: '/plain', body: { ...hello, stream } }
        recipe = how
        group = by
        given = body
        const expected = await pipedKernel!.request(asked)
        given = cut(body, ...at)
        const reply = await throughKernel!.request(asked)
        expect([reply.status, reply.text]).toEqual([expected.status, expected.text])
      }),
      { numRuns: 60 },
    )
  })
})

describe('a whole-stream stage', () => {
  it('may read everything before it says anything', async () => {
    const late: StreamFunction = async function* (batches) {
      const all: CanonicalEvent[] = []
      for await (const batch of batches) all.push(...batch)
      yield all
    }
    const kernel = await kernelWith([through('wire', late)], () => jsonl(cut(body, 50, 200, 400)))
    expect(eventsOf((await kernel.request(request)).text)).toEqual(
      answerEvents(TEXT).map((event) =>
        event.type === 'message_start' ? { ...event, message: { ...event.message, model: 'asked' } } : event,
      ),
    )
    await kernel.dispose()
  })

  it('may give nothing for now', async () => {
    const pausing: StreamFunction = async function* (batches) {
      for await (const batch of batches) {
        yield []
        yield batch
      }
    }
    const kernel = await kernelWith([through('canonical', pausing)], () => jsonl(cut(body, 50, 200, 400)))
    const events = eventsOf((await kernel.request(request)).text)
    expect(events.map(({ type }) => type)).toEqual(answerEvents(TEXT).map(({ type }) => type))
    await kernel.dispose()
  })

  it('hands on what it has said before it throws, and the error names its plugin', async () => {
    const failing: StreamFunction = async function* (batches) {
      for await (const batch of batches) {
        for (const event of batch) {
          yield [event]
          if (event.type === 'content_block_delta') throw new Error('broken on purpose')
        }
      }
    }
    const kernel = await kernelWith([through('canonical', failing)], () => jsonl(body))
    const events = eventsOf((await kernel.request(request)).text)
    expect(events.map(({ type }) => type)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'error',
    ])
    expect(JSON.stringify(events.at(-1))).toContain("plugin 'through' failed in transformStream: broken on purpose")
    await kernel.dispose()
  })

  it.each([
    ['one event', { type: 'ping' }],
    ['null', null],
  ])('that gives %s where a list of events is due is named', async (_, given) => {
    const wrong: StreamFunction = async function* (batches) {
      for await (const batch of batches) yield batch.length > 0 ? (given as never) : batch
    }
    const kernel = await kernelWith([through('canonical', wrong)], () => jsonl(body))
    const reply = await kernel.request(request)
    expect(reply.status).toBe(500)
    expect(reply.text).toContain("plugin 'through' failed in transformStream: it gave something else than a list")
    await kernel.dispose()
  })

  it('has a deadline for what it gives next', async () => {
    const stuck: StreamFunction = async function* (batches) {
      for await (const batch of batches) {
        await new Promise(() => undefined)
        yield batch
      }
    }
    const kernel = await kernelWith([through('canonical', stuck, 20)], () => jsonl(body))
    const reply = await kernel.request(request)
    expect(reply.status).toBe(500)
    expect(reply.text).toContain("plugin 'through' did not finish transformStream within 20 ms")
    await kernel.dispose()
  })

  it('is asked for nothing more, and asks the upstream for nothing more, while the client takes nothing', async () => {
    const counts = { asked: 0, read: 0 }
    let letGo!: () => void
    const waiting = new Promise<void>((resolve) => (letGo = resolve))
    let stalled!: () => void
    const atStall = new Promise<void>((resolve) => (stalled = resolve))
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (const line of lines(answerEvents(TEXT))) {
        counts.read++
        yield Buffer.from(line)
      }
    }
    const doubled: StreamFunction = async function* (batches) {
      for await (const batch of batches) {
        for (const event of batch) {
          counts.asked++
          yield [event]
        }
      }
    }
    const kernel = await kernelWith([through('canonical', doubled)], () => jsonl(pieces()))
    let chunks = 0
    const onChunk = (): Promise<void> | undefined => {
      if (++chunks !== 3) return undefined
      stalled()
      return waiting
    }
    const reply = kernel.request({ ...request, onChunk })
    await atStall
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    const held = { ...counts }
    expect(held.asked).toBeLessThanOrEqual(5)
    expect(held.read).toBeLessThanOrEqual(6)
    letGo()
    expect(eventsOf((await reply).text)).toHaveLength(answerEvents(TEXT).length)
    expect(counts.asked).toBeGreaterThan(held.asked)
    await kernel.dispose()
  })

  it('ends with its client: its iteration fails and is cleaned up', async () => {
    const leaving = new AbortController()
    const seen: string[] = []
    const watching: StreamFunction = async function* (batches) {
      try {
        for await (const batch of batches) yield batch
      } catch (error) {
        seen.push((error as { code: string }).code)
        throw error
      } finally {
        seen.push('cleaned up')
      }
    }
    async function* silent(signal: {
      addEventListener(type: 'abort', listener: () => void): void
    }): AsyncGenerator<Uint8Array> {
      yield Buffer.from(lines(answerEvents(TEXT)).slice(0, 3).join(''))
      const closed = new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('closed'))))
      leaving.abort()
      await closed
    }
    const kernel = await kernelWith([through('canonical', watching)], ({ signal }) => jsonl(silent(signal)))
    await kernel.request({ ...request, signal: leaving.signal })
    expect(seen).toEqual(['CCR_CLIENT_CLOSED', 'cleaned up'])
    await kernel.dispose()
  })

  it('that stops reading ends the answer as one that lacks its end', async () => {
    const short: StreamFunction = async function* (batches) {
      for await (const batch of batches) {
        yield batch.slice(0, 3)
        return
      }
    }
    const kernel = await kernelWith([through('canonical', short)], () => jsonl(body))
    const events = eventsOf((await kernel.request(request)).text)
    expect(events.map(({ type }) => type).slice(-2)).toEqual(['content_block_delta', 'error'])
    await kernel.dispose()
  })
})
