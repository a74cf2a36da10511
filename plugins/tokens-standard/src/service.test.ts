import {
  CcrError,
  type CanonicalRequest,
  type ContentBlock,
  type PluginLog,
  type Tokenizer,
  type TokenService,
} from '@ccr/sdk'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Calibration } from './calibration.ts'
import { Choices, type ChoiceOptions } from './choice.ts'
import { ENCODINGS, standardTokenizer } from './encodings.ts'
import type { TextCounter } from './exact.ts'
import { createTokenService, type CalibratedService } from './service.ts'
import { createCounter } from './standard-counter.ts'
import { CountingThread } from './thread.ts'

const PLACE = '../dist/place.js'
const { threadUrl, standardModule } = (await import(/* @vite-ignore */ PLACE)) as typeof import('./place.ts')
const thread = new CountingThread(threadUrl)
// What takes long is to begin.
beforeAll(async () => {
  for (const encoding of ENCODINGS) await thread.count(standardTokenizer(encoding, standardModule), ['a'])
}, 30_000)
afterAll(() => thread.close())

/** Texts that the thread was given, since the test began. */
let asked: string[] = []
let warnings: string[] = []
beforeEach(() => {
  asked = []
  warnings = []
})
const noting: TextCounter = {
  count: (tokenizer, texts) => {
    asked.push(...texts)
    return thread.count(tokenizer, texts)
  },
}
// Of the log only warnings are written.
const log = { warn: (_: object, message: string) => void warnings.push(message) } as unknown as PluginLog

function create(
  more: Partial<ChoiceOptions> = {},
  counter: TextCounter = noting,
  decisionMs = 30_000,
): CalibratedService {
  const standard = { encoding: 'cl100k_base', module: standardModule, contributed: [], providers: [] } as const
  const choices = new Choices({ ...standard, memories: new Map(), log, now: () => 0, ...more })
  return createTokenService({ choices, counter, calibration: new Calibration(), decisionMs })
}

function request(content: string | readonly unknown[], more: Partial<CanonicalRequest> = {}): CanonicalRequest {
  return { model: 'm', messages: [{ role: 'user', content: content as readonly ContentBlock[] }], ...more }
}

const vector = request('hello world', {
  system: 'You are',
  tools: [{ name: 'foo', description: 'bar', input_schema: { type: 'object' } }],
})
/** As the next turn's body: the same values, and none of the objects. */
const again = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
const words = fc.array(
  fc.oneof(fc.lorem({ maxCount: 30 }), fc.string({ unit: 'grapheme' }), fc.constant('<|endoftext|>')),
)
const text = words.map((all) => all.join(' '))

describe('count', () => {
  it('is what the routers before ccr counted', async () => {
    expect(await create().count(vector)).toBe(10)
  })

  it('is exact for any texts, whatever looks like a special token', async () => {
    const exact = await createCounter({ encoding: 'cl100k_base' })
    const service = create()
    await fc.assert(
      fc.asyncProperty(fc.array(text), async (texts) => {
        const blocks = texts.map((one) => ({ type: 'text', text: one }))
        expect(await service.count(request(blocks))).toBe(texts.reduce((sum, one) => sum + exact(one), 0))
      }),
      { numRuns: 50 },
    )
  })

  it('of a grown conversation reads its new blocks alone', async () => {
    const service = create()
    const blocks = Array.from({ length: 50 }, (_, at) => ({ type: 'text', text: `block ${at} `.repeat(40) }))
    const call = { type: 'tool_use', id: 'i', name: 'Edit', input: { path: 'a', content: 'b '.repeat(500) } }
    const before = await service.count(request([...blocks, call]))
    asked = []
    const next = again(request([...blocks, call, { type: 'text', text: 'a new block' }]))
    expect(await service.count(next)).toBe(before + 3)
    expect(asked).toEqual(['a new block'])
  })

  it('of a text of a million characters is that of its parts', async () => {
    const part = 'The router reads its config, then it serves. '
    const whole = part.repeat(24_000)
    const service = create()
    const one = (await service.count(request(part.repeat(2)))) - (await service.count(request(part)))
    expect(await service.count(request(whole))).toBe((await service.count(request(part))) + 23_999 * one)
    expect(Math.max(...asked.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024)
  })

  it('stops for a signal', async () => {
    const reason = new Error('enough')
    await expect(create().count(vector, undefined, AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(warnings).toEqual([])
  })
})

describe('bounds', () => {
  it.each(ENCODINGS)('hold the exact count of %s before and after it was made, for any text', async (encoding) => {
    const service = create({ encoding })
    await fc.assert(
      fc.asyncProperty(fc.array(text), fc.jsonValue(), async (texts, input) => {
        const blocks = [...texts.map((one) => ({ type: 'text', text: one })), { type: 'tool_use', name: 'n', input }]
        const before = service.bounds(again(request(blocks)))
        const count = await service.count(again(request(blocks)))
        expect(before.atLeast).toBeLessThanOrEqual(count)
        expect(before.atMost).toBeGreaterThanOrEqual(count)
        expect(before.estimate >= before.atLeast && before.estimate <= before.atMost).toBe(true)
        expect(service.bounds(again(request(blocks)))).toEqual({ atLeast: count, atMost: count, estimate: count })
      }),
      { numRuns: 40 },
    )
  })

  it.each(ENCODINGS)('hold for the longest tokens of %s', async (encoding) => {
    const service = create({ encoding })
    for (const longest of [' '.repeat(128), ' '.repeat(4096), '='.repeat(128), '\n'.repeat(640), '-'.repeat(4096)]) {
      const { atLeast } = service.bounds(request(longest))
      expect(await service.count(request(longest))).toBeGreaterThanOrEqual(atLeast)
    }
  })

  it('say nothing above where the work would have no bound', () => {
    const many = Array.from({ length: 9000 }, () => ({ type: 'text', text: 'a' }))
    const { atLeast, atMost } = create().bounds(request([{ type: 'text', text: 'b' }, ...many]))
    // Fifteen lists of 256 blocks, each a token at least, come before the 4,000 that are looked at.
    expect(atLeast).toBe(15 * 256)
    expect(atMost).toBe(Infinity)
    const messages = many.map((block) => ({ role: 'user' as const, content: [block] }))
    expect(create().bounds({ model: 'm', messages })).toMatchObject({ atMost: Infinity })
  })

  it('are proven by length alone for a large request', () => {
    const content = Array.from({ length: 300 }, (_, at) => ({ type: 'text', text: `${at} word`.repeat(20_000) }))
    const { atLeast, atMost, estimate } = create().bounds(request(content))
    expect(atLeast).toBeGreaterThan(240_000)
    expect(estimate).toBeGreaterThan(atLeast)
    expect(atMost).toBeGreaterThan(estimate)
  })
})

describe('exceeds', () => {
  it('is whether there are more, for any request and threshold', async () => {
    const service = create()
    await fc.assert(
      fc.asyncProperty(fc.array(text), fc.integer({ min: -5, max: 5 }), async (texts, off) => {
        const content = texts.map((one) => ({ type: 'text', text: one }))
        const tokens = await create().count(request(content))
        expect(await service.exceeds(again(request(content)), tokens + off)).toBe(off < 0)
      }),
      { numRuns: 50 },
    )
  })

  it('is decided at once, uncounted, where the bounds do', () => {
    const service = create()
    expect(service.exceeds(request('word '.repeat(100)), 60_000)).toBe(false)
    expect(service.exceeds(request('word '.repeat(1000)), 10)).toBe(true)
    expect(asked).toEqual([])
  })

  it.each([
    [10_000, true],
    [60_000, false],
  ])('is not counted for where %i is far from what much text is estimated to have', (threshold, exceeds) => {
    const service = create()
    const content = Array.from({ length: 20 }, (_, at) => ({
      type: 'text',
      text: `${at} A usual sentence. `.repeat(200),
    }))
    expect(service.bounds(request(content)).atMost).toBeGreaterThan(60_000)
    expect(service.exceeds(request(content), threshold)).toBe(exceeds)
    expect(asked).toEqual([])
  })

  it('is decided by the estimate when counting takes too long, and exactly once it was counted', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const slow: TextCounter = { count: (...args) => held.then(() => thread.count(...args)) }
    const service = create({}, slow, 1)
    // Runs of one letter are far fewer tokens than they look like.
    const odd = request('a'.repeat(2000))
    const { estimate } = service.bounds(odd)
    const tokens = await create().count(odd)
    const between = Math.floor((estimate + tokens) / 2)
    expect(await service.exceeds(odd, between)).toBe(estimate > between)
    release()
    expect(await service.count(odd)).toBe(tokens)
    expect(await service.exceeds(again(odd), between)).toBe(tokens > between)
  })

  it('counts no more than it needs to', async () => {
    const content = Array.from({ length: 40 }, (_, at) => ({ type: 'text', text: `${at} word `.repeat(4000) }))
    expect(await create().exceeds(request(content), 250_000)).toBe(true)
    expect(asked.join('').length).toBeLessThan(1_000_000)
  })
})

describe('an odd request', () => {
  const content = fc.oneof(
    fc.jsonValue(),
    fc.array(
      fc.oneof(
        fc.jsonValue(),
        fc.record(
          {
            type: fc.constantFrom('text', 'thinking', 'tool_use', 'tool_result', 'image', 'document', 'x'),
            text: fc.oneof(fc.constant('<|endofprompt|>'), fc.jsonValue()),
            content: fc.jsonValue(),
            input: fc.jsonValue(),
            source: fc.jsonValue(),
          },
          { requiredKeys: ['type'] },
        ),
      ),
    ),
  )

  it('is counted, whatever its blocks are, and by no warning', async () => {
    const service = create()
    await fc.assert(
      fc.asyncProperty(content, fc.jsonValue(), fc.jsonValue(), async (one, system, tools) => {
        const odd = again({ model: 'm', system, tools, messages: [null, { role: 'user', content: one }] })
        const tokens = await service.count(odd as unknown as CanonicalRequest)
        expect(Number.isInteger(tokens) && tokens >= 0).toBe(true)
      }),
      { numRuns: 100 },
    )
    expect(warnings).toEqual([])
  })

  it('that cannot be written as JSON has no tokens where it cannot', async () => {
    const input: Record<string, unknown> = {}
    input['input'] = input
    const cyclic = request([{ type: 'tool_use', id: 'i', name: 'n', input }])
    expect(await create().count(cyclic)).toBe(1)
    expect(create().bounds(cyclic).atMost).toBe(1)
  })
})

describe('a target', () => {
  const tokens = async (service: TokenService, model: string): Promise<number> => {
    return service.count(request('日本語のトークン化は難しい'), { provider: 'p', model })
  }

  it('is counted with the encoding its model is known to use, or its provider is configured with', async () => {
    const models = { own: { type: 'tiktoken', encoding: 'r50k_base' }, odd: { encoding: 'unheard-of' } }
    const tokenizer = { default: { encoding: 'p50k_base' }, models }
    const [cl100k, o200k] = [await tokens(create(), 'm'), await tokens(create({ encoding: 'o200k_base' }), 'm')]
    const [r50k, p50k] = [
      await tokens(create({ encoding: 'r50k_base' }), 'm'),
      await tokens(create({ encoding: 'p50k_base' }), 'm'),
    ]
    expect(o200k).toBeLessThan(cl100k)
    for (const model of ['gpt-4o', 'openai/gpt-5.1-codex', 'o3', 'o4-mini', 'gpt-oss:20b', 'chatgpt-4o-latest']) {
      expect(await tokens(create(), model)).toBe(o200k)
    }
    for (const model of ['gpt-4', 'claude-opus-5', 'qwen3', 'solo3']) expect(await tokens(create(), model)).toBe(cl100k)
    const configured = create({ providers: [{ name: 'p', tokenizer }, { name: 'q' }] })
    expect(await tokens(configured, 'own')).toBe(r50k)
    expect(await tokens(configured, 'gpt-4o')).toBe(p50k)
    expect(await tokens(configured, 'odd')).toBe(cl100k)
  })

  const half = (name: string, module: string): Tokenizer => {
    return { name, matches: ({ model }) => model === name, module }
  }
  const lengths = `data:text/javascript,export const createCounter = () => (text) => text.length`

  it('is counted by the contributed tokenizer that matches it', async () => {
    const service = create({ contributed: [half('a', lengths), half('b', lengths)] })
    expect(await service.count(request('four'), { provider: 'p', model: 'b' })).toBe(4)
    expect(await service.count(request('four'), { provider: 'p', model: 'c' })).toBe(1)
    // Nothing is known of how long its tokens are.
    expect(service.bounds(request('five!'), { provider: 'p', model: 'b' })).toMatchObject({ atMost: Infinity })
    expect(await service.exceeds(request('five!'), 4, { provider: 'p', model: 'b' })).toBe(true)
  })

  it('is counted by the standard one for a minute when its own fails', async () => {
    let now = 0
    const broken = half('a', 'data:text/javascript,export const createCounter = () => { throw new Error("no file") }')
    const service = create({ contributed: [broken], now: () => now })
    const target = { provider: 'p', model: 'a' }
    expect(await service.count(vector, target)).toBe(10)
    expect(await service.count(vector, target)).toBe(10)
    expect(warnings).toEqual(["tokenizer 'a' failed: no file; for a minute tokens are counted without it"])
    now = 60_001
    expect(await service.count(vector, target)).toBe(10)
    expect(warnings).toHaveLength(2)
  })

  it('has an estimate when nothing can count', async () => {
    const service = create({}, { count: () => Promise.reject(new Error('gone')) })
    const asText = request('A sentence of ten words is what is counted here.')
    expect(await service.count(asText)).toBe(service.bounds(asText).estimate)
    expect(await service.exceeds(asText, 10)).toBe(true)
    expect(await service.exceeds(asText, 20)).toBe(false)
  })
})

describe('somebody who is asked about whole requests', () => {
  const target = { provider: 'p', model: 'asked' }
  const usage = (input: number) => ({ input, cacheRead: 0, cacheCreation: 0, output: 9, reasoning: 0 })
  let questions: CanonicalRequest[] = []
  beforeEach(() => void (questions = []))
  const asking = (answer: (request: CanonicalRequest) => number | Promise<number>, decisionMs?: number) => {
    const api: Tokenizer = {
      name: 'api',
      matches: ({ model }) => model === target.model,
      count: (one) => {
        questions.push(one)
        return Promise.resolve(answer(one))
      },
    }
    return create({ contributed: [api] }, noting, decisionMs)
  }
  const session = (words: number): CanonicalRequest => {
    return request('some words '.repeat(words / 2), { metadata: { user_id: 'session' } })
  }

  it('counts, once for each request, and no text is counted for it', async () => {
    const service = asking(() => 77)
    const one = request('hello')
    expect(await Promise.all([service.count(one, target), service.count(one, target)])).toEqual([77, 77])
    expect(await service.exceeds(one, 76, target)).toBe(true)
    expect(questions).toEqual([one])
    expect(asked).toEqual([])
    expect(await service.count(one)).toBe(1)
  })

  it('is asked only near a threshold', async () => {
    const service = asking(() => 10_500)
    expect(service.exceeds(session(10_000), 3000, target)).toBe(true)
    expect(service.exceeds(session(10_000), 30_000, target)).toBe(false)
    expect(questions).toEqual([])
    expect(await service.exceeds(session(10_000), 10_400, target)).toBe(true)
    expect(await service.exceeds(session(10_000), 10_600, target)).toBe(false)
    expect(questions).toHaveLength(2)
  })

  it('is asked less once the last turn of the session was counted', async () => {
    const service = asking(() => 0)
    const first = session(10_000)
    service.bounds(first, target)
    service.learn(first, usage(11_000), target)
    expect(service.exceeds(session(10_100), 8000, target)).toBe(true)
    expect(service.exceeds(session(10_100), 16_000, target)).toBe(false)
    expect(questions).toEqual([])
    expect(await service.exceeds(session(10_100), 11_000, target)).toBe(false)
    expect(questions).toHaveLength(1)
  })

  it.each([
    ['by another model', 11_000, { provider: 'p', model: 'long' }],
    ['further from the estimate than it is set right', 25_000, target],
  ])('is asked no less once the last turn was counted %s', async (_, tokens, by) => {
    const service = asking(() => 0)
    const first = session(10_000)
    service.bounds(first, target)
    service.learn(first, usage(tokens), by)
    const { estimate } = service.bounds(session(10_100), target)
    expect(await service.exceeds(session(10_100), Math.round(estimate / 1.5), target)).toBe(false)
    expect(await service.exceeds(session(10_100), Math.round(estimate * 1.5), target)).toBe(false)
    expect(questions).toHaveLength(2)
  })

  it('bounds nothing by the length of a text', () => {
    const { atLeast, atMost, estimate } = asking(() => 5).bounds(session(1000), target)
    expect([atLeast, atMost]).toEqual([0, Infinity])
    expect(estimate).toBeGreaterThan(900)
  })

  it.each<[string, () => number | Promise<number>]>([
    ['throws', () => Promise.reject(new Error('status 500'))],
    ['has no number', () => NaN],
    ['has less than nothing', () => -1],
  ])('is left aside for a minute when it %s, and the standard one counts', async (_, answer) => {
    const service = asking(answer)
    expect(await service.count(vector, target)).toBe(10)
    expect(await service.count(again(vector), target)).toBe(10)
    expect(questions).toHaveLength(1)
    expect(warnings).toEqual([
      expect.stringMatching(/^tokenizer 'api' failed: .*; for a minute tokens are counted without/),
    ])
  })

  it('is warned of once, however many requests were waiting when it failed', async () => {
    const service = asking(() => Promise.reject(new Error('status 500')))
    await Promise.all([vector, again(vector), again(vector)].map((one) => service.count(one, target)))
    expect(questions).toHaveLength(3)
    expect(warnings).toHaveLength(1)
  })

  it('that refuses one request is asked about the next, with one warning for all of them', async () => {
    const service = asking((one) => {
      if (one.messages.length === 1) return 77
      throw new CcrError('CCR_REQUEST_INVALID', 'status 400')
    })
    const refused: CanonicalRequest = { ...vector, messages: [...vector.messages, ...vector.messages] }
    for (let times = 0; times < 2; times++) expect(await service.count(refused, target)).toBe(12)
    expect(questions).toHaveLength(1)
    expect(await service.count(again(refused), target)).toBe(12)
    expect(await service.count(vector, target)).toBe(77)
    expect(warnings).toEqual(["tokenizer 'api' refused a request: status 400; it is counted without it"])
  })

  it('keeps a route that asks about several thresholds waiting once', async () => {
    const waits: number[] = []
    const timers = vi.spyOn(globalThis, 'setTimeout')
    try {
      const service = asking(() => new Promise(() => undefined), 20)
      const one = session(10_000)
      for (const threshold of [11_000, 10_000, 9000]) await service.exceeds(one, threshold, target)
      waits.push(...timers.mock.calls.map(([, ms]) => ms ?? 0))
    } finally {
      timers.mockRestore()
    }
    expect(waits).toEqual([20, 0, 0])
    expect(questions).toHaveLength(1)
  })

  it('keeps no route waiting, and nobody who leaves', async () => {
    const service = asking(() => new Promise(() => undefined), 20)
    expect(await service.exceeds(session(10_000), 9000, target)).toBe(true)
    const leaving = service.count(session(10_000), target, AbortSignal.timeout(20))
    await expect(leaving).rejects.toThrow(/timeout/)
    expect(warnings).toEqual([])
  })
})

describe('the last turn', () => {
  const usage = (input: number, cacheRead = 0) => ({ input, cacheRead, cacheCreation: 0, output: 9, reasoning: 0 })
  const turn = (session: string): CanonicalRequest => {
    return request('Some words that were not counted. '.repeat(20), { metadata: { user_id: session } })
  }

  it('sets right the estimate of its session, else of its model, within the bounds', () => {
    const service = create()
    const first = turn('a')
    const { estimate, atMost } = service.bounds(first)
    service.learn(first, usage(estimate / 2, estimate * 0.75))
    expect(service.bounds(turn('a')).estimate / estimate).toBeCloseTo(1.25, 1)
    expect(service.bounds(turn('b')).estimate / estimate).toBeCloseTo(1.25, 1)
    expect(service.bounds({ ...turn('b'), model: 'other' }).estimate).toBe(estimate)
    const second = turn('b')
    service.bounds(second)
    service.learn(second, usage(estimate * 100))
    expect(service.bounds(turn('b')).estimate).toBe(Math.min(atMost, estimate * 2))
    expect(service.bounds(turn('a')).estimate / estimate).toBeCloseTo(1.25, 1)
  })

  it('changes nothing where all was counted, where nothing was estimated, and where nobody counted', async () => {
    const service = create()
    const first = turn('a')
    service.learn(first, usage(5000))
    const { estimate } = service.bounds(first)
    service.learn(first, usage(0))
    expect(service.bounds(turn('a')).estimate).toBe(estimate)
    service.learn(first, usage(estimate * 2))
    const count = await service.count(turn('a'))
    expect(service.bounds(turn('a'))).toEqual({ atLeast: count, atMost: count, estimate: count })
  })
})
