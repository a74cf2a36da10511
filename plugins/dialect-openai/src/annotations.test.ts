import { MAX_HELD, type MessageWriter } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { Annotations } from './annotations.ts'

const opaque = expect.stringMatching(/^~ccr-reasoning\./) as string
const cited = (url: string, title = url, cited_text = ''): object => ({
  type: 'web_search_result_location',
  url,
  title,
  cited_text,
  encrypted_index: opaque,
})
const search = (...found: readonly (readonly [url: string, title: string])[]): readonly object[] => [
  { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: '' } },
  {
    type: 'web_search_tool_result',
    tool_use_id: 'srvtoolu_1',
    content: found.map(([url, title]) => ({
      type: 'web_search_result',
      url,
      title,
      encrypted_content: opaque,
      page_age: null,
    })),
  },
]

function create(): { annotations: Annotations; written: unknown[] } {
  const written: unknown[] = []
  const take = (one: unknown): unknown => written.push(one)
  const writer = { citation: take, block: take } as unknown as MessageWriter
  return { annotations: new Annotations(writer, (prefix) => `${prefix}1`), written }
}

describe('the sources of an answer', () => {
  it.each<[string, unknown, readonly object[]]>([
    ['an address alone', { url: 'u' }, [cited('u'), ...search(['u', 'u'])]],
    ['an empty title', { url: 'u', title: '' }, [cited('u'), ...search(['u', 'u'])]],
    ['a title that is none', { url: 'u', title: 5, content: 5 }, [cited('u'), ...search(['u', 'u'])]],
    [
      'everything, in a field of its own',
      { type: 'url_citation', url_citation: { url: 'u', title: 't', content: 'x'.repeat(200) } },
      [cited('u', 't', 'x'.repeat(150)), ...search(['u', 't'])],
    ],
    ['an empty address', { url: '' }, []],
    ['no address', { url: 5 }, []],
    ['nothing', null, []],
    ['a text', 'u', []],
  ])('are written for %s', (_name, annotation, expected) => {
    const { annotations, written } = create()
    annotations.add([annotation], true)
    annotations.settle(false)
    expect(written).toEqual(expected)
  })

  it('that come before their text are cited when it follows, behind one search', () => {
    const { annotations, written } = create()
    annotations.add([{ url: 'a' }, { url: 'b' }], false)
    annotations.settle(false)
    expect(written).toEqual(search(['a', 'a'], ['b', 'b']))
    annotations.settle(true)
    annotations.settle(true)
    expect(written.slice(2)).toEqual([cited('a'), cited('b')])
  })

  it('that come later are cited, and searched for no more', () => {
    const { annotations, written } = create()
    annotations.settle(true)
    annotations.add([{ url: 'a' }], true)
    annotations.settle(true)
    annotations.add([{ url: 'b' }], true)
    annotations.settle(false)
    expect(written).toEqual([cited('a'), ...search(['a', 'a']), cited('b')])
  })

  it('are bounded while they are kept', () => {
    const long = { url: 'u', title: 't'.repeat(MAX_HELD / 8) }
    const { annotations } = create()
    for (let turn = 0; turn < 40; turn++) {
      for (let at = 0; at < (turn === 0 ? 3 : 6); at++) annotations.add([long], false)
      annotations.settle(true)
    }
    const add = (): void => annotations.add(Array(8).fill(long), false)
    expect(add).toThrow(expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }))
  })
})
