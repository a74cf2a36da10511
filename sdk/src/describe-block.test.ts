import { expect, it } from 'vitest'
import type { ContentBlock } from './canonical.ts'
import { describeBlock } from './describe-block.ts'

const text = (text: unknown): object => ({ type: 'text', text })

it.each<readonly [string, ContentBlock, string]>([
  ['a tool that is named', { type: 'tool_reference', tool_name: 'f' }, '[tool f]'],
  ['a call of a server', { type: 'server_tool_use', name: 'web_search', input: { q: 1 } }, '[web_search {"q":1}]'],
  [
    'a result of a search',
    { type: 'search_result', title: 'T', source: 's', content: [text('a'), null, text(5), { type: 'odd' }] },
    '[search result: T s]\na[content of type odd cannot be shown to this model]',
  ],
  ['a result that is a text', { type: 'search_result', title: 'T', content: 'a' }, '[search result: T ]\na'],
  [
    'what a server found',
    { type: 'web_search_tool_result', content: [{ title: 'T', url: 'u' }, {}, null, { text: 't' }] },
    '[web_search_tool_result]\nT u\nt',
  ],
  ['nothing that is known', { type: 'odd', content: null }, '[content of type odd cannot be shown to this model]'],
])('says of a block that it is %s', (_what, block, said) => {
  expect(describeBlock(block)).toBe(said)
})
