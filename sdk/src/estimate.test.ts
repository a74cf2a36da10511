import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CanonicalRequest, ContentBlock, Tool } from './canonical.ts'
import { estimateInput } from './estimate.ts'
import { tokenParts } from './token-parts.ts'

const text = 'x'.repeat(4000)

function request(content: readonly unknown[], more: Partial<CanonicalRequest> = {}): CanonicalRequest {
  return { model: 'm', messages: [{ role: 'user', content: content as ContentBlock[] }], ...more }
}

/** Bytes with a header at their beginning, as base64. */
function image(...header: readonly number[]): ContentBlock {
  const data = Buffer.concat([Buffer.from(header), Buffer.alloc(64)]).toString('base64')
  return { type: 'image', source: { type: 'base64', media_type: 'image/png', data } }
}

const ascii = (word: string): readonly number[] => [...Buffer.from(word)]
const PNG = [0x89, ...ascii('PNG\r\n\x1a\n'), 0, 0, 0, 13, ...ascii('IHDR')]
const RIFF = [...ascii('RIFF'), 0, 0, 0, 0, ...ascii('WEBP')]
/** An application segment of a photograph, before its frame header. */
const segment = [0xff, 0xe1, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8]

describe('the tokens of a block', () => {
  it.each<[string, ContentBlock, number]>([
    ['text', { type: 'text', text }, 1000],
    ['thinking, without its signature', { type: 'thinking', thinking: text, signature: text }, 1000],
    ['redacted thinking', { type: 'redacted_thinking', data: text }, 750],
    ['a tool call', { type: 'tool_use', id: 'i', name: text, input: { a: text } }, 2002],
    ['a tool call without input', { type: 'tool_use', id: 'i', name: text } as ContentBlock, 1000],
    ['a server tool call', { type: 'server_tool_use', id: 'i', name: 'n', input: { query: text } }, 1004],
    ['a tool result', { type: 'tool_result', tool_use_id: 'i', content: text }, 1000],
    ['text in a tool result', { type: 'tool_result', tool_use_id: 'i', content: [{ type: 'text', text }] }, 1000],
    ['an empty tool result', { type: 'tool_result', tool_use_id: 'i' }, 1],
    ['a text block without text', { type: 'text' } as ContentBlock, 1],
    ['a text document', { type: 'document', title: 't', source: { type: 'text', data: text } }, 1001],
    ['a document of blocks', { type: 'document', source: { type: 'content', content: text } }, 1000],
    ['a PDF', { type: 'document', source: { type: 'base64', data: '' } }, 2000],
    ['a PDF at a URL', { type: 'document', source: { type: 'url', url: 'https://a' } }, 2000],
    ['a block of a type to come', { type: 'later', words: text }, 1007],
    ['an image at a URL', { type: 'image', source: { type: 'url', url: 'https://a' } }, 1568],
    ['an image that cannot be read', image(1, 2, 3), 1568],
    ['an image in a tool result', { type: 'tool_result', tool_use_id: 'i', content: [image(1)] }, 1568],
    ['a PNG of 200 × 200', image(...PNG, 0, 0, 0, 200, 0, 0, 0, 200), 64],
    ['a PNG of 1000 × 1000', image(...PNG, 0, 0, 3, 232, 0, 0, 3, 232), 1296],
    ['a PNG of 1920 × 1080', image(...PNG, 0, 0, 7, 128, 0, 0, 4, 56), 1568],
    ['a PNG of 3000 × 100', image(...PNG, 0, 0, 11, 184, 0, 0, 0, 100), 112],
    ['a GIF of 28 × 29', image(...ascii('GIF89a'), 28, 0, 29, 0), 2],
    ['a JPEG of 100 × 300', image(0xff, 0xd8, ...segment, 0xff, 0xc0, 0, 17, 8, 1, 44, 0, 100), 44],
    ['a WebP of 56 × 28', image(...RIFF, ...ascii('VP8 '), 0, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a, 56, 0, 28, 0), 2],
    ['a lossless WebP of 56 × 28', image(...RIFF, ...ascii('VP8L'), 0, 0, 0, 0, 0x2f, 55, 0xc0, 6, 0), 2],
    [
      'an extended WebP of 56 × 28',
      image(...RIFF, ...ascii('VP8X'), ...Array<number>(8).fill(0), 55, 0, 0, 27, 0, 0),
      2,
    ],
  ])('of %s', (_name, block, tokens) => expect(estimateInput(request([block]))).toBe(tokens))

  it('of a PDF are those of the pages it shows, or what its size stands for', () => {
    const pdf = (content: string): number => {
      const source = { type: 'base64', data: Buffer.from(content).toString('base64') }
      return estimateInput(request([{ type: 'document', source }]))
    }
    expect(pdf('<< /Type /Pages >> << /Type /Page >> <</Type/Page/Parent 1 0 R>>')).toBe(4000)
    expect(pdf('packed')).toBe(2000)
    expect(pdf('x'.repeat(120_000))).toBe(6000)
  })
})

describe('the tokens around the messages', () => {
  it('are those of the system prompt, as text and as blocks', () => {
    expect(estimateInput(request([], { system: text }))).toBe(1000)
    expect(
      estimateInput(
        request([], {
          system: [
            { type: 'text', text },
            { type: 'text', text },
          ],
        }),
      ),
    ).toBe(2000)
  })

  it.each<[string, Tool, number]>([
    ['name', { name: text, input_schema: {} }, 1001],
    ['description', { name: 'n', description: text, input_schema: {} }, 1001],
    ['schema', { name: 'n', input_schema: { type: 'object', description: text } }, 1009],
    ['fields, of one without a schema', { type: 'web_search', name: 'n', filter: text }, 1011],
  ])("are those of a tool's %s", (_name, tool, tokens) => {
    expect(estimateInput(request([], { tools: [tool] }))).toBe(tokens)
  })

  it('are those of a tool whose loading is put off from when a result names it', () => {
    const tools = [{ name: 'later', description: text, defer_loading: true, input_schema: {} }]
    const reference = { type: 'tool_reference', tool_name: 'later' }
    expect(estimateInput(request([], { tools }))).toBe(1)
    const result = { type: 'tool_result', tool_use_id: 'i', content: [reference] }
    expect(estimateInput(request([result], { tools }))).toBeGreaterThan(1000)
  })
})

describe('any request', () => {
  const block = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        type: fc.constantFrom('text', 'thinking', 'tool_use', 'tool_result', 'image', 'document', 'later'),
        text: fc.jsonValue(),
        content: fc.jsonValue(),
        input: fc.jsonValue(),
        source: fc.oneof(fc.jsonValue(), fc.record({ type: fc.constant('base64'), data: fc.base64String() })),
      },
      { requiredKeys: ['type'] },
    ),
  )

  it('has a positive whole number of tokens, and more with more blocks', () => {
    fc.assert(
      fc.property(fc.array(block), block, fc.jsonValue(), fc.jsonValue(), (blocks, one, system, tools) => {
        const of = (content: readonly unknown[]): number => {
          return estimateInput(JSON.parse(JSON.stringify({ ...request(content), system, tools })) as CanonicalRequest)
        }
        const tokens = of(blocks)
        expect(Number.isInteger(tokens) && tokens > 0).toBe(true)
        expect(of([...blocks, one])).toBeGreaterThanOrEqual(tokens)
      }),
    )
  })

  it('gives a list for the system prompt, one for the tools and one for each message', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.jsonValue(), fc.record({ content: fc.array(block) }))), (messages) => {
        const lists = [...tokenParts({ model: 'm', messages } as unknown as CanonicalRequest)]
        expect(lists).toHaveLength(messages.length + 2)
      }),
    )
  })
})
