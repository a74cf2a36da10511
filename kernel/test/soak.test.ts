import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { open } from './support/client.ts'
import { ask, exchange, judge, type Outcome } from './support/soak-answers.ts'
import { changeAt, EDITS, FAULT_KINDS } from './support/soak-changes.ts'
import { markerText, type Measure } from './support/soak-plugins.ts'
import { judgeSoak, renderVerdicts } from './support/soak-verdict.ts'
import { poll, seenIn, startWorld, type World, type WorldOptions, type WorldState } from './support/soak-world.ts'
import { runSoak, type SoakResult } from './support/soak.ts'

const START: WorldState = { code: 0, dependency: 0, label: 0, section: 0, provider: 'first' }
const SOON_MS = 15_000

let world: World | undefined
afterEach(async () => {
  await world?.stop()
  world = undefined
})

async function start(options: Partial<WorldOptions> = {}): Promise<World> {
  return (world = await startWorld({ state: START, ...options }))
}

/** A stream that has begun, and does not end before its upstream is told. */
async function held({ url, upstream }: World, name: string, model?: string) {
  const call = ask(url, { words: 3, everyMs: 0, hold: name }, undefined, model)
  await call.until('w1')
  return {
    async end(): Promise<Outcome> {
      upstream.release(name)
      return judge(await call.answer, 3)
    },
  }
}

async function reload(to: World): Promise<void> {
  const { status, text } = await to.reload()
  expect(status, text).toBe(200)
}

/** Waits until nothing but the running generation is left. */
function drained(of: World): Promise<Measure> {
  return poll('the end of every replaced generation', SOON_MS, async () =>
    (await of.report()).draining.length === 0 ? of.measure() : undefined,
  )
}

describe('changes while streams run', () => {
  it('are noticed by no exchange, whatever is changed, and however badly', { timeout: 120_000 }, async () => {
    const options = { clients: 24, swaps: 100, warmUp: 20, measureEvery: 80, limitMs: 100_000 }
    const result = await runSoak(options)
    const verdicts = judgeSoak(options, result)
    const words = [renderVerdicts(verdicts), ...result.facts, ...result.surprises, ...result.errors].join('\n')
    expect(
      verdicts.filter(({ holds }) => !holds),
      words,
    ).toEqual([])
  })

  it('leave a stream the code it began with, ten edits long; the next request sees the newest (129)', async () => {
    const ours = await start()
    const first = await held(ours, 'first')
    for (let code = 1; code <= 10; code++) {
      ours.save('marker.ts', markerText(code), code % 2 === 0 ? 'in place' : 'renamed')
      await reload(ours)
      expect(await exchange(ours.url, { words: 2, everyMs: 0 })).toEqual({ seen: seenIn({ ...START, code }) })
    }
    const { activated, disposed } = await ours.measure()
    // Of marker and companion: the newest, and the ones that the stream began with.
    expect(activated - disposed).toBe(4)
    expect(await first.end()).toEqual({ seen: seenIn(START) })
    const after = await drained(ours)
    expect(after.activated - after.disposed).toBe(2)
    expect(after.callsAfterDisposal).toBe(0)
  })

  it('leave a stream its provider, when that is removed; the next request goes elsewhere (119)', async () => {
    const ours = await start()
    const routed = await held(ours, 'routed')
    const named = await held(ours, 'named', 'first,m-0')
    const state: WorldState = { ...START, section: 1, provider: 'second' }
    ours.saveConfig(ours.configOf(state))
    await reload(ours)
    expect(await exchange(ours.url, { words: 2, everyMs: 0 })).toEqual({ seen: seenIn(state) })
    const gone = await ask(ours.url, { words: 1, everyMs: 0 }, undefined, 'first,m-0').answer
    expect({ status: gone.status, json: gone.json }).toMatchObject({ status: 404, json: { type: 'error' } })
    expect(gone.text).toContain('first')
    expect(await routed.end()).toEqual({ seen: seenIn(START) })
    expect(await named.end()).toEqual({ seen: seenIn(START) })
    await drained(ours)
  })
})

describe('changes for which there is no room', () => {
  it('wait together, and are taken as the files are when an older generation has ended', async () => {
    const ours = await start({ config: { watch: false, limits: { generations: 2 } } })
    const streams = [await held(ours, 'stream0')]
    for (let code = 1; code <= 2; code++) {
      ours.save('marker.ts', markerText(code))
      await reload(ours)
      streams.push(await held(ours, `stream${code}`))
    }
    const { generation } = await ours.report()
    ours.save('marker.ts', markerText(3))
    const waiting = [ours.reload()]
    await poll('the wait', SOON_MS, async () => (/a change waits for/.test(ours.router.written()) ? true : undefined))
    ours.save('marker.ts', markerText(4))
    waiting.push(ours.reload(), ours.reload())
    expect((await ours.report()).generation).toBe(generation)
    expect(await exchange(ours.url, { words: 1, everyMs: 0 })).toEqual({ seen: seenIn({ ...START, code: 2 }) })
    expect(await streams[0]!.end()).toEqual({ seen: seenIn(START) })
    for (const { status, text } of await Promise.all(waiting)) expect(status, text).toBe(200)
    expect((await ours.report()).generation).toBe(generation + 1)
    expect(await exchange(ours.url, { words: 1, everyMs: 0 })).toEqual({ seen: seenIn({ ...START, code: 4 }) })
    for (const code of [1, 2]) expect(await streams[code]!.end()).toEqual({ seen: seenIn({ ...START, code }) })
    const after = await drained(ours)
    expect(after.activated - after.disposed).toBe(2)
  })
})

describe('the state of a plugin', () => {
  const counter = (code: number, version: number): string => `import { definePlugin, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'counter', apiVersion: 1, description: 'Counts.', options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    const count = ctx.state('count', ${version}, () => ({ requests: 0 }))
    const respond = () => ({ status: 200, body: { code: ${code}, requests: ++count.requests } })
    ctx.endpoint({ method: 'GET', path: '/count', access: 'data', respond })
  },
})
`

  const title = 'goes on over 50 reloads of its code, and is dropped, with a log line, when its version changes'
  // On a busy machine each reload takes half a second.
  it(title, { timeout: 120_000 }, async () => {
    const ours = await start({ more: { 'counter.ts': counter(0, 1) } })
    const count = async (): Promise<unknown> => (await open(`${ours.url}/count`, { method: 'GET' }).answer).json
    expect(await count()).toEqual({ code: 0, requests: 1 })
    for (let code = 1; code <= 50; code++) {
      ours.save('counter.ts', counter(code, 1))
      await reload(ours)
      expect(await count()).toEqual({ code, requests: code + 1 })
    }
    const dropped = (): readonly string[] => ours.router.written().match(/.*kept state of another version.*\n/g) ?? []
    expect(dropped()).toEqual([])
    ours.save('counter.ts', counter(51, 2))
    await reload(ours)
    expect(await count()).toEqual({ code: 51, requests: 1 })
    const [line] = await poll('the log line', SOON_MS, async () => (dropped().length > 0 ? dropped() : undefined))
    expect(JSON.parse(line!)).toMatchObject({ from: 1, to: 2, state: expect.stringContaining('count') })
  })

  it('is not touched by a change that is refused', async () => {
    const ours = await start({ more: { 'counter.ts': counter(0, 1) } })
    const count = async (): Promise<unknown> => (await open(`${ours.url}/count`, { method: 'GET' }).answer).json
    expect(await count()).toEqual({ code: 0, requests: 1 })
    // The counter is activated with a new version of its state before the marker fails.
    const config = ours.configOf(START)
    config.plugins.reverse()
    ours.saveConfig(config)
    ours.save('counter.ts', counter(1, 2))
    ours.save('marker.ts', markerText(1, 'throw'))
    const { status } = await ours.reload()
    expect(status).toBe(422)
    expect(await count()).toEqual({ code: 0, requests: 2 })
  })
})

describe('the soak', () => {
  const changes = Array.from({ length: 100 }, (_, index) => changeAt(index + 1))

  it('makes every kind of change, asked for and by watching, and every kind of fault', () => {
    const good = changes.filter(({ fault }) => fault === undefined)
    const kinds = (watched: boolean): Set<string> =>
      new Set(good.filter((one) => one.watched === watched).map(({ edit }) => edit))
    expect(kinds(true)).toEqual(new Set(EDITS))
    expect(kinds(false)).toEqual(new Set(EDITS))
    expect(new Set(changes.flatMap(({ fault }) => fault ?? []))).toEqual(new Set(FAULT_KINDS))
  })

  const MARKS = '[open 1.2.3.4][also 1.2.3.4 4][sent 1.2.3.4][model a/m-4] w0[also 1.2.3.4 4][close 1.2.3.4]'
  const MESSAGE = {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'x',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  }
  const sse = (text: string): string =>
    [
      { type: 'message_start', message: MESSAGE },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 1 } },
      { type: 'message_stop' },
    ]
      .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
      .join('')
  const judged = (text: string, status = 200, broken?: string): Outcome =>
    judge({ status, headers: {}, text, json: undefined, broken }, 1)

  it.each([
    ['a mark of another version', sse(MARKS.replace('[close 1', '[close 2')), 'mixed'],
    ['a companion of another version', sse(MARKS.replace('[also 1.2', '[also 1.3')), 'mixed'],
    ['the route of another version', sse(MARKS.replace('m-4', 'm-5')), 'mixed'],
    ['a section of another version', sse(MARKS.replace('4 4]', '4 5]')), 'mixed'],
    ['a mark that is missing', sse(MARKS.replace('[close 1.2.3.4]', '')), 'mixed'],
    ['a word that is missing', sse(MARKS.replace(' w0', '')), 'cut'],
    ['an end that is missing', sse(MARKS).replace(/event: message_stop[^]*/, ''), 'failed'],
  ])('would see %s', (_, text, flaw) => {
    expect(judged(sse(MARKS))).toEqual({ seen: { mark: '1.2.3.4', target: 'a/m-4' } })
    expect(judged(text)).toMatchObject({ flaw })
  })

  it('would see a refusal and a cut', () => {
    expect(judged('{}', 500)).toMatchObject({ flaw: 'failed' })
    expect(judged(sse(MARKS), 200, 'ECONNRESET')).toMatchObject({ flaw: 'cut' })
  })

  const measure: Measure = {
    memoryBytes: 0,
    resources: { Timeout: 1 },
    listeners: 1,
    activated: 2,
    disposed: 0,
    callsAfterDisposal: 0,
    working: 2,
    requests: 9,
    modules: 2,
  }
  const result: SoakResult = {
    exchanges: 9,
    taken: 8,
    refused: 1,
    surprises: [],
    flaws: { failed: 0, cut: 0, mixed: 0 },
    facts: [],
    stale: 0,
    measures: [measure, measure],
    sent: 9,
    aliveAtEnd: 0,
    exitCode: 0,
    errors: [],
    ms: 1,
  }
  const options = { clients: 1, swaps: 9, warmUp: 1, measureEvery: 1, limitMs: 1 }
  const failing = (changed: Partial<SoakResult>): string[] =>
    judgeSoak(options, { ...result, ...changed }).flatMap(({ holds, what }) => (holds ? [] : [what]))
  const later = (changed: Partial<Measure>): Partial<SoakResult> => {
    return { measures: [measure, { ...measure, ...changed }] }
  }

  it.each<[string, Partial<SoakResult>]>([
    ['changes taken', { taken: 7 }],
    ['broken changes', { refused: 0 }],
    ['failed exchanges', { flaws: { failed: 1, cut: 0, mixed: 0 } }],
    ['cut streams', { flaws: { failed: 0, cut: 1, mixed: 0 } }],
    ['two generations', { flaws: { failed: 0, cut: 0, mixed: 1 } }],
    ['did not see it', { stale: 1 }],
    ['calls into a disposed instance', later({ callsAfterDisposal: 1 })],
    ['alive when all drained', later({ activated: 3 })],
    ['live work', later({ working: 3 })],
    ['the router had ended', { aliveAtEnd: 1 }],
    ['exit code', { exitCode: null }],
    ['in memory', later({ modules: 7 })],
    ['growth of heapUsed', later({ memoryBytes: 20 * 2 ** 20 })],
    ['handles', later({ resources: { Timeout: 7 } })],
    ['listeners', later({ listeners: 2 })],
    ['errors in the log', { errors: ['one'] }],
  ])('would not hold: %s', (what, changed) => {
    expect(failing({})).toEqual([])
    expect(failing(changed)).toEqual([expect.stringContaining(what)])
  })

  it('is run by a command', () => {
    const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>
    }
    expect(scripts['soak']).toContain('kernel/bench/soak.mjs')
  })
})
