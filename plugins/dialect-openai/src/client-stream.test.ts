import { existsSync, readFileSync } from 'node:fs'
import type { CanonicalEvent, ContentBlock, Exchange } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { messageOf } from '../test/harness.ts'
import { FIXTURES } from '../../../test/recorded.ts'
import { client } from './client.ts'

const exchange = { request: { model: 'm', messages: [] }, startedAt: 0 } as unknown as Exchange
const RECORDED = `${FIXTURES}/anthropic/vercel__anthropic-web-search-tool.1.chunks.txt`

interface Said {
  readonly content?: string | null
  readonly annotations?: readonly object[]
}

const whole = (events: readonly CanonicalEvent[]): Said =>
  (client.message(messageOf(events), exchange) as { choices: [{ message: Said }] }).choices[0].message

/** What the chunks of a stream say together. */
function streamed(events: readonly CanonicalEvent[]): Said {
  const encoder = client.encoder(exchange)
  const frames = events.map((event) => String(encoder.events([event]))).join('')
  const deltas = frames
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => (JSON.parse(frame.slice(6)) as { choices: [{ delta: Said }] }).choices[0].delta)
  const annotations = deltas.flatMap((delta) => delta.annotations ?? [])
  return {
    content: deltas.map(({ content }) => content ?? '').join(''),
    ...(annotations.length > 0 && { annotations }),
  }
}

/** An answer of these blocks, each with its deltas. */
const answerOf = (...blocks: readonly (readonly [object, ...object[]])[]): CanonicalEvent[] =>
  [
    {
      type: 'message_start',
      message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], usage: {} },
    },
    ...blocks.flatMap(([content_block, ...deltas], index) => [
      { type: 'content_block_start', index, content_block },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 1 } },
    { type: 'message_stop' },
  ] as unknown as CanonicalEvent[]

const text = { type: 'text', text: '' }
const says = (said: string): object => ({ type: 'text_delta', text: said })
const cites = (url: string): object => ({
  type: 'citations_delta',
  citation: { type: 'web_search_result_location', url, title: 'T', cited_text: 'c' },
})
const source = (url: string, start_index: number, end_index: number): object => ({
  type: 'url_citation',
  url_citation: { url, title: 'T', start_index, end_index },
})

describe('a citation in a stream', () => {
  it('is of the whole block, before or behind whose text it came', () => {
    const events = answerOf(
      [text, says('ab')],
      [text, cites('u1'), says('cd'), cites('u2'), says('e')],
      [text, says('f')],
    )
    const expected = { content: 'abcdef', annotations: [source('u1', 2, 5), source('u2', 2, 5)] }
    expect(streamed(events)).toEqual(expected)
    expect(whole(events)).toMatchObject(expected)
  })

  it.skipIf(!existsSync(RECORDED))('of a recorded search is where a whole answer has it', () => {
    const lines = readFileSync(RECORDED, 'utf8').split('\n')
    const events = lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as CanonicalEvent)
    const { content, annotations } = whole(events)
    expect(annotations!.length).toBeGreaterThan(5)
    expect(streamed(events)).toEqual({ content, annotations })
  })
})

describe('a picture in an answer', () => {
  it.each([
    [{ type: 'base64', media_type: 'image/webp', data: 'AA' }, '[image of type image/webp cannot be shown here]'],
    [{ type: 'url', url: 'https://e.org/a.png' }, '[image https://e.org/a.png cannot be shown here]'],
    [{ type: 'file', file_id: 'f1' }, '[image f1 cannot be shown here]'],
  ])('is named in text where it stood: %j', (from, named) => {
    const image = { type: 'image', source: from } as ContentBlock
    const events = answerOf([text, says('ab')], [image], [text, cites('u'), says('c')])
    const end = 2 + named.length
    const expected = { content: `ab${named}c`, annotations: [source('u', end, end + 1)] }
    expect(streamed(events)).toEqual(expected)
    expect(whole(events)).toMatchObject(expected)
  })
})
