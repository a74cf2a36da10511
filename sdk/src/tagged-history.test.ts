import { describe, expect, it } from 'vitest'
import type { ContentBlock, Message } from './canonical.ts'
import { signReasoning } from './reasoning.ts'
import { replayTagged, signTagged } from './tagged-history.ts'

const own = signTagged('p')
const thinking = (value: string, signature = own): ContentBlock => ({ type: 'thinking', thinking: value, signature })
const text = (value: string): ContentBlock => ({ type: 'text', text: value })
const call: ContentBlock = { type: 'tool_use', id: 't', name: 'f', input: {} }
const said = (...content: ContentBlock[]): Message => ({ role: 'assistant', content })
const to = { tag: 'x', provider: 'p' }

const contentOf = (...content: ContentBlock[]): unknown => replayTagged([said(...content)], to)[0]!.content

describe('replayTagged', () => {
  it.each<readonly [string, readonly ContentBlock[], readonly ContentBlock[]]>([
    ['before text', [thinking('a'), text('b')], [text('<x>\na\n</x>\nb')]],
    ['before a call', [thinking('a'), call], [text('<x>\na\n</x>'), call]],
    ['behind text, alone', [text('b'), thinking('a')], [text('b'), text('<x>\na\n</x>')]],
    ['without thoughts', [thinking(''), text('b')], [text('b')]],
  ])('puts thinking back %s', (_, given, expected) => {
    expect(contentOf(...given)).toEqual(expected)
  })

  it('keeps the fields of the text behind it', () => {
    const cached = { type: 'text', text: 'b', cache_control: { type: 'ephemeral' } } as const
    expect(contentOf(thinking('a'), cached)).toEqual([{ ...cached, text: '<x>\na\n</x>\nb' }])
  })

  it('leaves the thinking of others, and what is no thinking, alone', () => {
    const messages: unknown[] = [
      said(thinking('a', signTagged('other')), thinking('a', 'theirs'), thinking('a', '')),
      said(thinking('a', signReasoning({ family: 'tagged', payload: '' }))),
      { role: 'assistant', content: 'x' },
      { role: 'assistant', content: [null, { type: 'thinking' }] },
      { role: 'user', content: [thinking('a')] },
    ]
    expect(replayTagged(messages as Message[], to)).toBe(messages)
  })

  it('keeps the newest 10 to 19 turns, and leaves out ten at once', () => {
    const turns = (count: number) => Array.from({ length: count }, (_, index) => said(thinking(`${index}`), text('b')))
    const kept = (count: number): number =>
      replayTagged(turns(count), to).filter(({ content }) => JSON.stringify(content).includes('<x>')).length
    expect([1, 10, 19, 20, 29, 30, 39].map(kept)).toEqual([1, 10, 19, 10, 19, 10, 19])
    // What was sent stays as it was until the next ten are left out.
    const [before, after] = [20, 21].map((count) => replayTagged(turns(count), to))
    expect(after!.slice(0, 20)).toEqual(before)
    expect(replayTagged(turns(20), to)[0]!.content).toEqual([text('b')])
  })
})
