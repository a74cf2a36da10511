import type { CanonicalRequest } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DIALECTS, sendThrough } from '../../../test/rules/transformer-world.ts'
import { withoutCacheControl } from './clean.ts'
import plugin from './index.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 200)
const cache_control = { type: 'ephemeral', ttl: '1h' }
const text = (mark: object = {}): object => ({ type: 'text', text: 'hi', ...mark })
const schema = { type: 'object', properties: { cache_control: { type: 'string' } } }

/** A request with a mark wherever the Messages protocol has a place for one, or without. */
const marked = (mark: object): object => ({
  ...mark,
  system: [text(mark), text()],
  tools: [{ name: 'f', input_schema: schema, ...mark }],
  messages: [
    { role: 'user', content: 'hi', ...mark },
    {
      role: 'assistant',
      content: [{ type: 'tool_use', id: 'toolu_1', name: 'f', input: { cache_control: 'no-store' }, ...mark }],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'toolu_1', content: [text(mark)], ...mark },
        { type: 'document', source: { type: 'content', content: [text(mark)] }, ...mark },
        text(mark),
      ],
    },
  ],
})

describe('cleancache', () => {
  it('removes the mark that a client of Chat Completions puts on its whole request', async () => {
    const request = { cache_control, seed: 1 }
    const { body } = await sendThrough({ dialect: 'openai', path: '/v1/chat/completions', use: [plugin], request })
    expect(body).not.toHaveProperty('cache_control')
    expect(body).toHaveProperty('seed', 1)
  })

  it('rule 168: removes every cache_control of messages, their blocks, tools and the system prompt', async () => {
    const sent = await sendThrough({ dialect: 'anthropic', use: [plugin], request: marked({ cache_control }) })
    const plain = await sendThrough({ dialect: 'anthropic', request: marked({}) })
    expect(sent.body).toEqual(plain.body)
    expect(sent.text).not.toContain('ephemeral')
  })

  it('rule 168: what tools are given, and the schema of that, is no mark', async () => {
    const { body } = await sendThrough({ dialect: 'anthropic', use: [plugin], request: marked({ cache_control }) })
    expect(body).toMatchObject({
      tools: [{ input_schema: schema }],
      messages: [{}, { content: [{ input: { cache_control: 'no-store' } }] }, {}],
    })
  })

  it.each(DIALECTS)('changes nothing else for a target of %s', async (dialect) => {
    const request = marked({ cache_control })
    const sent = await sendThrough({ dialect, use: [plugin, plugin], modelUse: [plugin], request })
    expect(sent.body).toEqual((await sendThrough({ dialect, request: marked({}) })).body)
    expect(sent.reply.status).toBe(200)
  })

  it('holds for a model alone', async () => {
    const request = { ...marked({ cache_control }), model: 'other' }
    expect((await sendThrough({ dialect: 'anthropic', modelUse: [plugin], request })).text).toContain('ephemeral')
  })

  it.each([
    ['', true],
    [',"cache_control" : {"type":"ephemeral"}', false],
  ])('a request with %j in a block goes out as it came: %s', async (mark, same) => {
    const content = `[{"type":"text", "text":"cache_control"${mark}}]`
    const raw = `{ "model" :"model", "max_tokens":9, "messages":[{"role":"user","content":${content}}] }`
    expect((await sendThrough({ dialect: 'anthropic', use: [plugin], request: raw })).text === raw).toBe(same)
  })
})

/** The same blocks with marks at some of them, and without any. */
interface Pair {
  readonly marked: object
  readonly plain: object
}

const pair = (mark: unknown, fields: object, inner?: readonly Pair[], document = false): Pair => {
  const of = (which: keyof Pair): object => {
    const content = inner?.map((one) => one[which])
    return { ...fields, ...(content && (document ? { source: { type: 'content', content } } : { content })) }
  }
  return { marked: mark === undefined ? of('marked') : { cache_control: mark, ...of('marked') }, plain: of('plain') }
}

const { block } = fc.letrec<{ block: Pair }>((tie) => {
  const mark = fc.option(fc.constantFrom(cache_control, null, {}), { nil: undefined })
  const input = fc.constantFrom({ cache_control: 'no-store' }, {})
  const inner = fc.array(tie('block'), { maxLength: 3 })
  return {
    block: fc.oneof(
      { maxDepth: 3 },
      fc.tuple(mark, fc.string()).map(([one, text]) => pair(one, { type: 'text', text })),
      fc.tuple(mark, input).map(([one, input]) => pair(one, { type: 'tool_use', id: 'a', name: 'f', input })),
      fc.tuple(mark, inner).map(([one, blocks]) => pair(one, { type: 'tool_result' }, blocks)),
      fc.tuple(mark, inner).map(([one, blocks]) => pair(one, { type: 'document' }, blocks, true)),
    ),
  }
})

describe('withoutCacheControl', () => {
  it('leaves no mark at any block, and all else', () => {
    const blocks = fc.array(block, { maxLength: 4 })
    fc.assert(
      fc.property(blocks, blocks, blocks, (system, tools, content) => {
        const of = (which: keyof Pair): CanonicalRequest => {
          const [own, listed, said] = [system, tools, content].map((pairs) => pairs.map((one) => one[which]))
          return { model: 'm', system: own, tools: listed, messages: [{ role: 'user', content: said }] } as never
        }
        expect(withoutCacheControl(of('marked'))).toStrictEqual(of('plain'))
        const plain = of('plain')
        expect(withoutCacheControl(plain)).toBe(plain)
      }),
      { numRuns: RUNS },
    )
  })

  it('gives the very request where there is no mark, and the very parts that have none', () => {
    const plain = marked({}) as CanonicalRequest
    expect(withoutCacheControl(plain)).toBe(plain)
    const request = { ...plain, tools: [{ name: 'f', cache_control }] } as unknown as CanonicalRequest
    const cleaned = withoutCacheControl(request)
    expect(cleaned.messages).toBe(plain.messages)
    expect(cleaned.tools).toEqual([{ name: 'f' }])
  })

  it.each([
    ['null', null],
    ['undefined', undefined],
  ])('a mark that is %s is none any more', (_, none) => {
    const request = { model: 'm', messages: [{ role: 'user', content: 'a', cache_control: none }] }
    expect(withoutCacheControl(request as unknown as CanonicalRequest).messages[0]).toStrictEqual({
      role: 'user',
      content: 'a',
    })
  })

  it.each([
    { messages: null },
    { messages: 'a' },
    { messages: [null, 1, 'a', [], { content: null }, { content: [null, 1, [{ cache_control }]] }] },
    { messages: [], system: 1, tools: { cache_control } },
    { messages: [{ content: [{ source: null }, { source: [1] }] }] },
  ])('bears what no client should send: %j', (fields) => {
    const cleaned = withoutCacheControl({ model: 'm', ...fields } as unknown as CanonicalRequest)
    expect(JSON.stringify(cleaned)).toBe(
      JSON.stringify({ model: 'm', ...fields }).replace(/,?"cache_control":\{[^}]*\}/, ''),
    )
  })
})
