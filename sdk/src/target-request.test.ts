import { describe, expect, it } from 'vitest'
import type { ContentBlock, Tool } from './canonical.ts'
import { isClientTool, joinSystem, stripExtensions } from './target-request.ts'

describe('the keys that are for patches', () => {
  it('go to no provider, and everything else does, uncopied', () => {
    const messages = [{ ccr_deep: 1 }]
    const body = { model: 'm', messages, ccr: 1, ccr_request: {}, ccr_other: 2 }
    const stripped = stripExtensions(body)
    expect(stripped).toEqual({ model: 'm', messages, ccr: 1 })
    expect(stripped.messages).toBe(messages)
    expect(Object.keys(body)).toContain('ccr_request')
  })
})

describe('a tool', () => {
  it.each<readonly [string, boolean, Tool]>([
    ['without a type', true, { name: 'f' }],
    ['of no type', true, { name: 'f', type: null }],
    ['of the type custom', true, { name: 'f', type: 'custom' }],
    ['of a server', false, { name: 'web_search', type: 'web_search_20250305' }],
    ['that is loaded later', true, { name: 'f', defer_loading: true }],
    ['that stands for those not loaded', false, { name: 'DeferredToolPlaceholder', defer_loading: true }],
    ['of the same name that stands for none', true, { name: 'DeferredToolPlaceholder' }],
  ])('%s is run by the client: %s', (_what, expected, tool) => {
    expect(isClientTool(tool)).toBe(expected)
  })
})

describe('a system prompt', () => {
  const text = (text: string): ContentBlock => ({ type: 'text', text })

  it.each<readonly [string, string | readonly ContentBlock[] | null | undefined, string]>([
    ['nothing', undefined, ''],
    ['null', null, ''],
    ['a string', 'a\nb', 'a\nb'],
    ['a string whose first line is omitted', 'x-note: 1\na\nb', 'a\nb'],
    ['an omitted string', 'x-note: 1', ''],
    ['a string that names the words later', 'a x-note: 1', 'a x-note: 1'],
    ['blocks, without the omitted and the empty', [text('x-note: 1\na'), text('b'), text(''), text('c')], 'b\n\nc'],
    ['blocks that are no text', [text('a'), { type: 'tool_reference', tool_name: 'f' }], 'a\n\n[tool f]'],
    ['no blocks', [], ''],
  ])('is one text: %s', (_what, system, expected) => {
    expect(joinSystem(system, 'x-note:')).toBe(expected)
  })
})
