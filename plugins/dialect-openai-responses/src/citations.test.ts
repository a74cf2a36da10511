import { messageEvents, type CanonicalEvent, type CanonicalMessage, type ContentBlock } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { decode, fakeAttempt, fakeExchange, target } from '../test/harness.ts'
import { completed, created, done, message, text } from '../test/wire-events.ts'
import { createEncoder } from './client-encoder.ts'
import { createClient } from './client.ts'
import { KeptItems } from './kept-items.ts'
import { DIALECT } from './own-tools.ts'
import { fieldsOf, listOf, type Fields, type ResponsesEvent } from './wire.ts'

const client = createClient(new KeptItems())

const asked = { extra: { [DIALECT]: {} } }

/** What a client of this dialect gets of these canonical events, streamed. */
function shown(events: readonly CanonicalEvent[]): readonly Fields[] {
  const last = createEncoder(fakeExchange(asked), new KeptItems()).events(events).trim().split('\n').at(-1)!
  return listOf(fieldsOf((JSON.parse(last.slice('data: '.length)) as Fields)['response'])['output']) as Fields[]
}

/** What a client of this dialect gets of a target of this dialect that gives these items. */
const routed = (...output: readonly Fields[]): readonly Fields[] =>
  shown(decode(target.explode({ status: 'completed', output }, fakeAttempt(asked)), fakeAttempt(asked)))

const page = { type: 'url_citation', url: 'http://a', title: 'A', start_index: 4, end_index: 5 }
const file = { type: 'file_citation', file_id: 'file-1', filename: 'a.txt', index: 3 }

function citing(index: number, said: string, ...annotations: readonly Fields[]): Fields {
  return { ...message(index), content: [{ type: 'output_text', text: said, annotations }] }
}

const annotationsOf = (item: Fields | undefined): unknown =>
  listOf(item?.['content']).flatMap((part) => listOf(fieldsOf(part)['annotations']))

describe('citations of a target of this dialect', () => {
  it('rule 76 reach its clients as they are, and no search is invented for them', () => {
    const output = routed(citing(0, 'hello', page, file))
    expect(output).toMatchObject([{ type: 'message', content: [{ text: 'hello', annotations: [page, file] }] }])
  })

  it('are named by the place of their part in the text of all parts', () => {
    const [item] = routed(citing(0, 'first'), citing(1, 'hello', page, file))
    expect(annotationsOf(item)).toEqual([
      { ...page, start_index: 9, end_index: 10 },
      { ...file, index: 8 },
    ])
  })

  it('come with the text of a stream, once', () => {
    const annotation = { type: 'response.output_text.annotation.added', item_id: 'item_0', output_index: 0 }
    const events: ResponsesEvent[] = [
      created,
      text(0, 'hello'),
      { ...annotation, content_index: 0, annotation_index: 0, annotation: page },
      done(0, citing(0, 'hello', page)),
      completed(),
    ]
    expect(annotationsOf(shown(decode(events, fakeAttempt(asked)))[0])).toEqual([page])
  })

  it('a search of theirs stays where it stands, as it is', () => {
    const action = { type: 'search', query: 'q', sources: [{ type: 'url', url: 'http://a' }] }
    const search = { type: 'web_search_call', id: 'ws_1', status: 'completed', action }
    const opened = { ...search, id: 'ws_2', action: { type: 'open_page', url: 'http://a' } }
    const output = routed(search, opened, citing(2, 'hello', page))
    expect(output.slice(0, 2)).toEqual([search, opened])
    expect(output).toHaveLength(3)
  })
})

describe('citations of other targets', () => {
  const source = { type: 'web_search_result_location', url: 'http://a', title: 'A', cited_text: 'long words' }
  const whole = (...content: readonly ContentBlock[]): CanonicalMessage => ({
    ...{ id: 'm', type: 'message', role: 'assistant', model: 'm', content },
    ...{ stop_reason: 'end_turn', stop_sequence: null, usage: {} },
  })
  const answer = (...content: readonly ContentBlock[]): readonly CanonicalEvent[] => messageEvents(whole(...content))
  const cited: ContentBlock = { type: 'text', text: 'hello', citations: [source] }

  it('have the range of the text block that cites, whole as streamed', () => {
    const expected = [{ type: 'url_citation', url: 'http://a', title: 'A', start_index: 0, end_index: 5 }]
    const before: ContentBlock = { type: 'text', text: 'before' }
    expect(annotationsOf(shown(answer(before, cited))[1])).toEqual(expected)
    const { output } = fieldsOf(client.message(whole(before, cited), fakeExchange(asked)))
    expect(annotationsOf(fieldsOf(listOf(output)[1]))).toEqual(expected)
  })

  it('rule 76 are no search for clients of this dialect when nobody knows what was searched for', () => {
    const invented = [
      { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: '' } },
      { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
    ]
    expect(shown(answer(cited, ...invented)).map(({ type }) => type)).toEqual(['message'])
  })
})
