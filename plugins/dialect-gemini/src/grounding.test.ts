import { MAX_HELD, type MessageWriter } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { Grounding } from './grounding.ts'
import type { Fields } from './wire.ts'

interface Written {
  readonly citations: readonly { readonly url: string; readonly title: string; readonly cited_text: string }[]
  readonly blocks: readonly object[]
}

function written(afterText: boolean, ...metadata: readonly Fields[]): Written {
  const grounding = new Grounding()
  for (const one of metadata) grounding.add(one)
  const [citations, blocks]: [unknown[], object[]] = [[], []]
  const writer = { citation: (one: unknown) => citations.push(one), block: (one: object) => blocks.push(one) }
  grounding.write(writer as unknown as MessageWriter, (prefix) => `${prefix}1`, afterText)
  return { citations: citations as Written['citations'], blocks }
}

const web = (uri: unknown, title?: unknown): object => ({ web: { uri, title } })
const cites = (text: unknown, ...groundingChunkIndices: readonly unknown[]): object => ({
  segment: { text },
  groundingChunkIndices,
})

describe('what a model looked up', () => {
  it('is written once, each query and each source once, by its first title and first quotation', () => {
    const { citations, blocks } = written(
      true,
      {
        webSearchQueries: ['a', 'b', 'a', 5],
        groundingChunks: [null, web('https://a', ''), web(''), web(7), web('https://b', 'B'), {}],
        groundingSupports: [null, {}, cites(5, 4), cites('one', 1, 99, 'x'), cites('two', 1, 4)],
      },
      {
        webSearchQueries: ['b', 'c'],
        groundingChunks: [web('https://b', 'other'), { retrievedContext: { uri: 'https://c', title: 'C' } }],
        groundingSupports: [cites('x'.repeat(200), 0, 1)],
      },
    )
    expect(citations.map(({ url, title, cited_text }) => [url, title, cited_text])).toEqual([
      ['https://a', 'https://a', 'one'],
      ['https://b', 'B', 'two'],
      ['https://c', 'C', 'x'.repeat(150)],
    ])
    expect(blocks).toMatchObject([
      { type: 'server_tool_use', id: 'srvtoolu_1', input: { query: 'a; b; c' } },
      { tool_use_id: 'srvtoolu_1', content: [{ url: 'https://a' }, { url: 'https://b' }, { url: 'https://c' }] },
    ])
  })

  it('is cited only at a text, and is nothing without a source', () => {
    expect(written(false, { groundingChunks: [web('https://a')] })).toMatchObject({ citations: [], blocks: [{}, {}] })
    expect(written(true, { webSearchQueries: ['a'] })).toEqual({ citations: [], blocks: [] })
  })

  it.each<[string, (at: number, piece: string) => Fields]>([
    ['queries', (at, piece) => ({ webSearchQueries: [`${at}${piece}`] })],
    ['addresses', (at, piece) => ({ groundingChunks: [web(`${at}${piece}`, 'a')] })],
    ['titles', (at, piece) => ({ groundingChunks: [web(`${at}`, piece)] })],
  ])('is bounded in its %s, and counts each once', (_name, of) => {
    const grounding = new Grounding()
    const piece = 'x'.repeat(MAX_HELD / 4)
    for (let turn = 0; turn < 9; turn++) for (let at = 0; at < 3; at++) grounding.add(of(at, piece))
    expect(() => grounding.add(of(3, piece))).toThrow(expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }))
  })
})
