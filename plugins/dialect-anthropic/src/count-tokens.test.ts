import type { CanonicalRequest, ContentBlock } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countTokens, estimateTokens } from './count-tokens.ts'

const text = 'x'.repeat(4000)

function request(more: Partial<CanonicalRequest> = {}): CanonicalRequest {
  return { model: 'm', messages: [{ role: 'user', content: 'foo' }], ...more }
}

function count(body: unknown): unknown {
  if (!('respond' in countTokens)) throw new Error('count_tokens is an endpoint of its own')
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const url = '/v1/messages/count_tokens?beta=true'
  return countTokens.respond({ method: 'POST', url, headers: {}, params: {}, body: bytes, providers: [] })
}

describe('rule 174: count_tokens', () => {
  it('answers as the API does, behind the key of the data plane', () => {
    expect(countTokens).toMatchObject({ method: 'POST', path: '/v1/messages/count_tokens', access: 'data' })
    expect(count(request({ tools: [] }))).toEqual({ status: 200, body: { input_tokens: 5 } })
  })

  it.each(['claude-opus-5-5', 'anthropic,claude-opus-5-5', 'openrouter,a/b:free', 'claude-sonnet-5[1m]'])(
    'takes the model name %s',
    (model) => expect(count(request({ model }))).toEqual({ status: 200, body: { input_tokens: 5 } }),
  )

  const tokensOf = (block: ContentBlock): number =>
    estimateTokens(request({ messages: [{ role: 'user', content: [block] }] })) -
    estimateTokens(request({ messages: [{ role: 'user', content: [] }] }))

  it.each<[string, ContentBlock, number, number]>([
    ['text', { type: 'text', text }, 1000, 1000],
    ['thinking', { type: 'thinking', thinking: text, signature: text }, 1000, 1000],
    ['redacted thinking', { type: 'redacted_thinking', data: text }, 1000, 1000],
    ['the name of a tool call', { type: 'tool_use', id: 'i', name: text, input: {} }, 1000, 1010],
    ['the input of a tool call', { type: 'tool_use', id: 'i', name: 'n', input: { a: text } }, 1000, 1010],
    ['a server tool call', { type: 'server_tool_use', id: 'i', name: 'n', input: { query: text } }, 1000, 1010],
    ['a tool result', { type: 'tool_result', tool_use_id: 'i', content: text }, 1000, 1010],
    ['text in a tool result', { type: 'tool_result', tool_use_id: 'i', content: [{ type: 'text', text }] }, 1000, 1010],
    ['an image', { type: 'image', source: { type: 'base64', media_type: 'image/png', data: text } }, 1000, 2000],
    ['an image at a URL', { type: 'image', source: { type: 'url', url: 'https://a' } }, 1000, 2000],
    [
      'an image in a tool result',
      { type: 'tool_result', tool_use_id: 'i', content: [{ type: 'image', source: { type: 'file', file_id: 'f' } }] },
      1000,
      2000,
    ],
    ['a text document', { type: 'document', title: 't', source: { type: 'text', data: text } }, 1000, 1010],
    ['a document of blocks', { type: 'document', source: { type: 'content', content: text } }, 1000, 1010],
    ['a PDF', { type: 'document', source: { type: 'base64', data: '' } }, 1500, 3000],
    ['a PDF at a URL', { type: 'document', source: { type: 'url', url: 'https://a' } }, 1500, 3000],
    ['a block of a type to come', { type: 'later', words: text }, 1000, 1020],
  ])('counts %s', (_name, block, least, most) => {
    expect(tokensOf(block)).toBeGreaterThanOrEqual(least)
    expect(tokensOf(block)).toBeLessThanOrEqual(most)
  })

  it('counts the pages of a PDF, or what its size stands for', () => {
    const pdf = (content: string): number =>
      tokensOf({ type: 'document', source: { type: 'base64', data: Buffer.from(content).toString('base64') } })
    const shown = '<< /Type /Pages >> << /Type /Page >> <</Type/Page/Parent 1 0 R>>'
    expect(pdf(shown) - pdf('packed')).toBe(2000)
    expect(pdf('x'.repeat(120_000)) - pdf('packed')).toBe(4000)
  })

  it('counts the system prompt, as text and as blocks', () => {
    expect(estimateTokens(request({ system: text }))).toBe(1005)
    expect(estimateTokens(request({ system: [{ type: 'text', text }, { type: 'text', text }] }))).toBe(2005)
  })

  it('counts the name, the description and the schema of a tool', () => {
    for (const tool of [
      { name: text },
      { name: 'n', description: text },
      { name: 'n', input_schema: { type: 'object', description: text } },
    ])
      expect(estimateTokens(request({ tools: [tool] }))).toBeGreaterThan(1000)
  })

  it('counts a tool whose loading is put off from when a result names it', () => {
    const tools = [{ name: 'later', description: text, defer_loading: true }]
    const reference = { type: 'tool_reference', tool_name: 'later' }
    const result: ContentBlock = { type: 'tool_result', tool_use_id: 'i', content: [reference] }
    expect(estimateTokens(request({ tools }))).toBe(5)
    expect(estimateTokens(request({ tools, messages: [{ role: 'user', content: [result] }] }))).toBeGreaterThan(1000)
  })

  it.each([
    ['no JSON', '{', 'byte'],
    ['no messages', { model: 'm' }, '/messages'],
    ['no model', { messages: [] }, '/model'],
  ])('refuses %s, naming the place', (_name, body, place) => {
    expect(() => count(body)).toThrow(
      expect.objectContaining({ code: 'CCR_REQUEST_INVALID', message: expect.stringContaining(place) as string }),
    )
  })

  it('gives a positive whole number for any blocks whatever, and more for more of them', () => {
    const block = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          type: fc.constantFrom('text', 'thinking', 'tool_use', 'tool_result', 'image', 'document', 'later'),
          text: fc.jsonValue(),
          content: fc.jsonValue(),
          input: fc.jsonValue(),
          source: fc.jsonValue(),
        },
        { requiredKeys: ['type'] },
      ),
    )
    fc.assert(
      fc.property(fc.array(block), block, fc.jsonValue(), fc.jsonValue(), (blocks, one, system, tools) => {
        const of = (content: readonly unknown[]): number =>
          (count({ model: 'm', system, tools, messages: [null, { role: 'user', content }] }) as Counted).body
            .input_tokens
        const tokens = of(blocks)
        expect(Number.isInteger(tokens) && tokens > 0).toBe(true)
        expect(of([...blocks, one])).toBeGreaterThanOrEqual(tokens)
      }),
    )
  })
})

type Counted = { body: { input_tokens: number } }
