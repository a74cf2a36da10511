import { definePlugin, defineTransformer, SkipTarget, type Plugin } from '@ccr/sdk'
import { createTestKernel, json, sse, type TestAnswer } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import anthropic from '../../dialect-anthropic/src/index.ts'
import families from '../../route-families/src/index.ts'
import scenarios from '../../route-scenarios/src/index.ts'
import plugin from './index.ts'

/** Passes over a target by its model. */
const skipping = (model: string): Plugin =>
  definePlugin({
    name: 'skipping',
    apiVersion: 1,
    description: 'Passes over a target.',
    activate(ctx) {
      ctx.on('transformRequest', ({ model: to }) => {
        if (to === model) throw new SkipTarget('not this one')
      })
    },
  })

/** Adds to requests what a target may refuse. */
const deep = defineTransformer({
  name: 'deep',
  description: 'Adds a depth.',
  dialect: 'anthropic',
  refusable: { depth: /\bdepth\b/ },
  request: (body, { offers }) => (offers('depth') ? { ...body, depth: 2 } : undefined),
})

interface Outcome {
  readonly status: number
  /** The models that were asked, in order. */
  readonly asked: readonly string[]
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

interface Scene {
  readonly Router?: object
  readonly fallback?: Readonly<Record<string, readonly string[]>>
  /** How each model answers; the others say their name. */
  readonly answers?: Readonly<Record<string, () => TestAnswer>>
  readonly request?: object
  readonly plugins?: readonly Plugin[]
  readonly settings?: object
}

const disposals: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const dispose of disposals.splice(0)) await dispose()
})

function answerOf(model: string): TestAnswer {
  const usage = { input_tokens: 1, output_tokens: 1 }
  const content = [{ type: 'text', text: `I am ${model}` }]
  return json({ id: 'm', type: 'message', role: 'assistant', model, content, stop_reason: 'end_turn', usage })
}

function failing(status: number, message = 'no', headers: Readonly<Record<string, string>> = {}): () => TestAnswer {
  const answer = json({ type: 'error', error: { type: 'api_error', message } }, status)
  return () => ({ ...answer, headers: { ...answer.headers, ...headers } })
}

async function ask({
  Router = {},
  fallback,
  answers = {},
  request = {},
  plugins = [],
  settings,
}: Scene): Promise<Outcome> {
  const asked: string[] = []
  const kernel = await createTestKernel({
    plugins: [anthropic, scenarios, families, plugin, ...plugins],
    ...(settings && { settings }),
    providers: ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, models: [name.toUpperCase()], dialect: 'anthropic' })),
    sections: { Router: { default: 'a,A', ...Router }, ...(fallback && { fallback }) },
    upstream: ({ body }) => {
      const { model } = JSON.parse(Buffer.from(body as string).toString()) as { model: string }
      asked.push(model)
      return answers[model]?.() ?? answerOf(model)
    },
  })
  disposals.push(() => kernel.dispose())
  const body = { model: 'any', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }], ...request }
  const { status, text, headers } = await kernel.request({ body })
  return { status, asked, text, headers }
}

describe('the lists of `fallback`', () => {
  it('are tried in order where the chosen target fails, and the answer says so', async () => {
    const { status, asked, text, headers } = await ask({
      fallback: { default: ['b,b', 'c,C', 'd,D'] },
      answers: { A: failing(429), B: failing(503) },
    })
    expect(status).toBe(200)
    expect(asked).toEqual(['A', 'B', 'C'])
    expect(text).toContain('I am C')
    expect(headers).toMatchObject({ 'x-ccr-provider': 'c', 'x-ccr-model': 'C', 'x-ccr-fallback': 'a,A' })
  })

  it('are left alone by an answer', async () => {
    const { asked, headers } = await ask({ fallback: { default: ['b,B'] } })
    expect(asked).toEqual(['A'])
    expect(headers['x-ccr-fallback']).toBeUndefined()
  })

  it('that all fail leave the client with what the first target said', async () => {
    const { status, asked, text, headers } = await ask({
      fallback: { default: ['b,B', 'c,C'] },
      answers: { A: failing(429, 'the first', { 'retry-after': '7' }), B: failing(500), C: failing(503) },
    })
    expect(asked).toEqual(['A', 'B', 'C'])
    expect(status).toBe(429)
    expect(text).toContain('the first')
    expect(headers['retry-after']).toBe('7')
  })

  it('that end in a target that was passed over leave the client with what the first said, too', async () => {
    const { status, asked, text } = await ask({
      fallback: { default: ['b,B', 'c,C'] },
      answers: { A: failing(429, 'the first'), B: failing(500), C: failing(500) },
      plugins: [skipping('C')],
    })
    expect(asked).toEqual(['A', 'B'])
    expect(status).toBe(429)
    expect(text).toContain('the first')
  })

  it('of which no more may be tried leave the client with what the first said, too', async () => {
    const { status, asked, text } = await ask({
      fallback: { default: ['b,B', 'c,C'] },
      answers: { A: failing(429, 'the first'), B: failing(500), C: failing(500) },
      settings: { limits: { attempts: 2 } },
    })
    expect(asked).toEqual(['A', 'B'])
    expect(status).toBe(429)
    expect(text).toContain('the first')
  })

  it('leave the client with the failure of the first, not with a refusal that was mended', async () => {
    let refused = false
    const refusing = (): TestAnswer => {
      const answer = refused ? failing(429, 'the first')() : failing(400, 'no depth please')()
      refused = true
      return answer
    }
    const { asked, text } = await ask({
      fallback: { default: ['b,B'] },
      answers: { A: refusing, B: failing(500) },
      plugins: [deep],
    })
    expect(asked).toEqual(['A', 'A', 'B'])
    expect(text).toContain('the first')
  })

  it('pass over a provider that does not exist, visibly', async () => {
    const { asked, headers } = await ask({
      fallback: { default: ['nobody,x', 'b,B'] },
      answers: { A: failing(500) },
    })
    expect(asked).toEqual(['A', 'B'])
    expect(headers['x-ccr-route']).toContain("unmatched=fallback.default: there is no provider 'nobody'")
  })

  it('name no target twice, and at most four are tried', async () => {
    const all = ['a,A', 'b,B', 'B,b', 'c,C', 'd,D', 'e,E']
    const answers = Object.fromEntries(['A', 'B', 'C', 'D', 'E'].map((model) => [model, failing(500)]))
    expect((await ask({ fallback: { default: all }, answers })).asked).toEqual(['A', 'B', 'C', 'D'])
  })

  it('are those of the scenario, and those of default where it has none', async () => {
    const fallback = { default: ['b,B'], think: ['c,C'] }
    const answers = { A: failing(500), D: failing(500) }
    const thinking = { thinking: { type: 'enabled', budget_tokens: 1024 } }
    const Router = { think: 'd,D', background: 'a,A' }
    expect((await ask({ fallback, Router, answers, request: thinking })).asked).toEqual(['D', 'C'])
    const housekeeping = { model: 'claude-3-5-haiku' }
    expect((await ask({ fallback, Router, answers, request: housekeeping })).asked).toEqual(['A', 'B'])
  })

  it('hold for a target that the client names', async () => {
    const scene = { fallback: { default: ['b,B'] }, answers: { C: failing(500) }, request: { model: 'c,C' } }
    expect((await ask(scene)).asked).toEqual(['C', 'B'])
  })

  it('of a family come before the others', async () => {
    const families = { opus: { default: 'a,A', fallback: { default: ['c,C'] } } }
    const Router = { enableFamilyRouting: true, enableFallback: true, families }
    const answers = { A: failing(500), C: failing(500) }
    const scene = { Router, fallback: { default: ['b,B'] }, answers, request: { model: 'claude-opus-4' } }
    expect((await ask(scene)).asked).toEqual(['A', 'C', 'B'])
  })

  it('of Router take the place of those at the top', async () => {
    const Router = { fallback: { default: ['c,C'] } }
    expect((await ask({ Router, fallback: { default: ['b,B'] }, answers: { A: failing(500) } })).asked).toEqual([
      'A',
      'C',
    ])
  })

  it.each([
    ['`enableFallback: false`', { enableFallback: false }],
    ['families and no `enableFallback`', { families: { opus: { default: 'a,A' } } }],
  ])('are not followed with %s', async (_, Router) => {
    const { status, asked } = await ask({ Router, fallback: { default: ['b,B'] }, answers: { A: failing(500) } })
    expect(asked).toEqual(['A'])
    expect(status).toBe(502)
  })
})

describe('another target is asked', () => {
  const cut = 'event: message_start\ndata: {"type":"message_start","message":{}}\n\n'
  const reported = (type: string) => () =>
    sse(`event: error\ndata: {"type":"error","error":{"type":"${type}","message":"no"}}\n\n`)

  it.each<[string, () => TestAnswer]>([
    ...[401, 402, 403, 404, 405, 408, 410, 429, 500, 502, 503, 504, 529].map((status): [string, () => TestAnswer] => [
      `${status}`,
      failing(status),
    ]),
    [
      'a refused connection',
      () => {
        throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      },
    ],
    ['an empty answer', () => json('')],
    ['a page', () => ({ headers: { 'content-type': 'text/html' }, body: '<html>' })],
    ['a stream that ends before it says anything', () => sse(cut)],
    ['an error as the first event', reported('overloaded_error')],
  ])('after %s', async (_, first) => {
    const { status, asked } = await ask({ fallback: { default: ['b,B'] }, answers: { A: first } })
    expect(asked).toEqual(['A', 'B'])
    expect(status).toBe(200)
  })

  const refusing = (status: number, type: string, message: string) => () =>
    json({ type: 'error', error: { type, message } }, status)

  it.each<[string, () => TestAnswer]>([
    ['a key that is refused with a 400', refusing(400, 'authentication_error', 'no such key')],
    [
      'a 400 of an account without money',
      refusing(400, 'invalid_request_error', 'Your credit balance is too low to access the API.'),
    ],
  ])('after %s, which does not blame the request', async (_, first) => {
    const { status, asked } = await ask({ fallback: { default: ['b,B'] }, answers: { A: first } })
    expect(asked).toEqual(['A', 'B'])
    expect(status).toBe(200)
  })

  it.each([400, 413, 415, 422])('not after %i, which blames the request', async (status) => {
    const outcome = await ask({ fallback: { default: ['b,B'] }, answers: { A: failing(status) } })
    expect(outcome.asked).toEqual(['A'])
    expect(outcome.status).toBe(status)
  })

  it('not after an invalid request that a stream reports', async () => {
    const answers = { A: reported('invalid_request_error') }
    expect((await ask({ fallback: { default: ['b,B'] }, answers, request: { stream: true } })).asked).toEqual(['A'])
  })

  it('not where a conversation that is too long is refused with another status', async () => {
    const answers = { A: failing(500, 'prompt is too long: 210000 tokens > 200000 maximum') }
    const { status, asked } = await ask({ fallback: { default: ['b,B'] }, answers })
    expect(asked).toEqual(['A'])
    expect(status).toBe(400)
  })

  it('where a long conversation fits no longer, for what was chosen by its length', async () => {
    const tooLong = failing(400, 'prompt is too long: 210000 tokens > 200000 maximum')
    const scene: Scene = {
      Router: { longContext: 'c,C', longContextThreshold: 10 },
      fallback: { longContext: ['b,B'], default: ['b,B'] },
      answers: { A: tooLong, C: tooLong },
    }
    const long = { messages: [{ role: 'user', content: 'the cat '.repeat(100) }] }
    expect((await ask({ ...scene, request: long })).asked).toEqual(['C', 'B'])
    expect((await ask(scene)).asked).toEqual(['A'])
  })

  it('never once content was sent', async () => {
    const start = JSON.stringify({
      type: 'message_start',
      message: {
        id: 'm',
        type: 'message',
        role: 'assistant',
        model: 'A',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 1, output_tokens: 1 },
      },
    })
    const block = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }
    const delta = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'half' } }
    const frames = [block, delta].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    const events = [`event: message_start\ndata: ${start}\n\n`, ...frames]
    const { asked, text } = await ask({
      fallback: { default: ['b,B'] },
      answers: { A: () => ({ ...sse(events), failure: new Error('reset') }) },
      request: { stream: true },
    })
    expect(asked).toEqual(['A'])
    expect(text).toContain('half')
    expect(text).toContain('event: error')
    expect(text).not.toContain('message_stop')
  })
})
