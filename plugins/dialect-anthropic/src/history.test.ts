import { signReasoning, type CanonicalRequest, type ContentBlock, type Message } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loopLacksThinking, withoutForeignParts } from './history.ts'

const foreign: ContentBlock = {
  type: 'thinking',
  thinking: 'theirs',
  signature: signReasoning({ family: 'deepseek', payload: '' }),
}
const own: ContentBlock = { type: 'thinking', thinking: 'ours', signature: 'EpADCokB' }
const text: ContentBlock = { type: 'text', text: 'hello' }
const call: ContentBlock = { type: 'tool_use', id: 'toolu_1', name: 'read', input: {} }
const result: ContentBlock = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'done' }

const user = (...content: ContentBlock[]): Message => ({ role: 'user', content })
const assistant = (...content: ContentBlock[]): Message => ({ role: 'assistant', content })
const system: Message = { role: 'system', content: 'reminder' }

const thinking = { type: 'adaptive' } as const
const clear = { type: 'clear_thinking_20251015', keep: 'all' }
function request(messages: readonly Message[], more: Partial<CanonicalRequest> = {}): CanonicalRequest {
  return { model: 'm', max_tokens: 9, thinking, context_management: { edits: [clear] }, messages, ...more }
}

describe('thinking of another vendor', () => {
  it('is taken out, and the rest stays', () => {
    const messages = [user(text), assistant(foreign, own, text), user(text)]
    expect(withoutForeignParts(request(messages))).toEqual(request([user(text), assistant(own, text), user(text)]))
  })

  it('is taken out of redacted blocks as well', () => {
    const redacted: ContentBlock = { type: 'redacted_thinking', data: signReasoning({ family: 'x', payload: 'y' }) }
    expect(withoutForeignParts(request([assistant(redacted, text)])).messages).toEqual([assistant(text)])
  })

  it('is recognised by its mark even where the rest of the signature is broken', () => {
    const broken: ContentBlock = { type: 'thinking', thinking: '', signature: '~ccr-reasoning.cut' }
    expect(withoutForeignParts(request([assistant(broken, text)])).messages).toEqual([assistant(text)])
  })

  it('leaves a request without any as it is', () => {
    const before = request([user(text), assistant(own, call), user(result)])
    expect(withoutForeignParts(before)).toBe(before)
  })

  it('leaves a mark in text alone', () => {
    const before = request([user({ type: 'text', text: '~ccr-reasoning.a.b' })])
    expect(withoutForeignParts(before)).toBe(before)
  })

  it.each<[string, readonly Message[], readonly Message[]]>([
    [
      'joins the users around a turn of nothing else',
      [user(text), assistant(foreign), user(result)],
      [user(text, result)],
    ],
    [
      'joins users that wrote strings',
      [{ role: 'user', content: 'a' }, assistant(foreign), { role: 'user', content: 'b' }],
      [user({ type: 'text', text: 'a' }, { type: 'text', text: 'b' })],
    ],
    [
      'makes no empty block of an empty string',
      [{ role: 'user', content: '' }, assistant(foreign), user(text)],
      [user(text)],
    ],
    ['drops such a turn at the end', [user(text), assistant(foreign)], [user(text)]],
    [
      'drops such a turn before a system message',
      [user(text), assistant(foreign), system, user(text)],
      [user(text), system, user(text)],
    ],
    [
      'joins over several such turns',
      [user(text), assistant(foreign), assistant(foreign), user(text)],
      [user(text, text)],
    ],
    [
      'leaves users apart that were apart',
      [user(text), user(text), assistant(foreign), user(result)],
      [user(text), user(text, result)],
    ],
    [
      'keeps a user message with fields of its own',
      [user(text), assistant(foreign), { ...user(text), output_config: { effort: 'low' } }],
      [user(text), { ...user(text), output_config: { effort: 'low' } }],
    ],
  ])('%s', (_name, messages, left) => {
    expect(withoutForeignParts(request(messages)).messages).toEqual(left)
  })

  it('bears messages that are none', () => {
    const odd = [
      null,
      5,
      'x',
      { role: 'assistant', content: [null, 7] },
      { role: 'assistant' },
      { role: 'user', content: 3 },
    ]
    const messages = [
      ...odd,
      assistant(foreign),
      { role: 'user', content: 3 },
      assistant(foreign, call),
    ] as readonly Message[]
    expect(withoutForeignParts(request(messages)).messages).toHaveLength(8)
  })
})

describe('a search that another vendor made', () => {
  const opaque = signReasoning({ family: 'openrouter', payload: '' })
  const found = (encrypted_content: string) => ({ type: 'web_search_result', url: 'u', title: 't', encrypted_content })
  const cited = (encrypted_index: string) => ({ type: 'web_search_result_location', url: 'u', encrypted_index })
  const search: ContentBlock = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: '' } }
  const results = (...content: object[]): ContentBlock => ({
    type: 'web_search_tool_result',
    tool_use_id: 'srvtoolu_1',
    content,
  })
  const left = (...content: ContentBlock[]): readonly Message[] =>
    withoutForeignParts(request([user(text), assistant(...content), user(text)])).messages

  it('is taken out with its call, and the text about it stays', () => {
    expect(left(search, results(found(opaque)), text)).toEqual([user(text), assistant(text), user(text)])
  })

  it('loses only the results that are not its own', () => {
    expect(left(search, results(found(opaque), found('Eqgf')), text)[1]).toEqual(
      assistant(search, results(found('Eqgf')), text),
    )
  })

  it('takes the text with it that was there for its citations alone', () => {
    expect(left(text, { type: 'text', text: '', citations: [cited(opaque)] })[1]).toEqual(assistant(text))
  })

  it('is no longer cited', () => {
    const both: ContentBlock = { type: 'text', text: 'so', citations: [cited(opaque), cited('Eo8B')] }
    const one: ContentBlock = { type: 'text', text: 'so', citations: [cited(opaque)] }
    expect(left(both, one)[1]).toEqual(
      assistant({ type: 'text', text: 'so', citations: [cited('Eo8B')] }, { type: 'text', text: 'so' }),
    )
  })

  it.each<[string, ContentBlock[]]>([
    ['of its own', [search, results(found('Eqgf')), { type: 'text', text: 'so', citations: [cited('Eo8B')] }]],
    ['that failed', [search, { ...results(), content: { type: 'web_search_tool_result_error', error_code: 'x' } }]],
    ['without results', [search, results(), { type: 'text', text: 'none', citations: null }]],
    ['of unknown form', [search, { ...results(), content: [null, 5] }, { type: 'text', text: '', citations: [null] }]],
  ])('%s stays', (_name, content) => {
    const before = request([user(text), assistant(...content), user(text)])
    expect(withoutForeignParts(before)).toBe(before)
  })

  it('turns no thinking off, because none was lost', () => {
    const loop = [user(text), assistant(search, results(found(opaque)), text, call), user(result)]
    const after = withoutForeignParts(request(loop))
    expect(after.thinking).toEqual(thinking)
    expect(after.messages).toEqual([user(text), assistant(text, call), user(result)])
  })
})

describe('thinking is turned off', () => {
  const off = (messages: readonly Message[], more?: Partial<CanonicalRequest>) =>
    withoutForeignParts(request(messages, more))

  it.each<[string, boolean, readonly Message[]]>([
    ['for the running tool turn', true, [user(text), assistant(foreign, call), user(result)]],
    [
      'for an earlier turn of the running loop',
      true,
      [user(text), assistant(foreign, call), user(result), assistant(own, call), user(result)],
    ],
    ['when a system message follows the result', true, [user(text), assistant(foreign, call), user(result), system]],
    ['when text follows the result', true, [user(text), assistant(foreign, text, call), user(result, text)]],
    [
      'when a second user message follows the result',
      true,
      [user(text), assistant(foreign, call), user(result), user(text)],
    ],
    [
      'not for a turn that still begins with its own thinking',
      false,
      [user(text), assistant(own, foreign, call), user(result)],
    ],
    [
      'not for a loop that is over',
      false,
      [user(text), assistant(foreign, call), user(result), assistant(text), user(text)],
    ],
    ['not for a turn without a tool', false, [user(text), assistant(foreign, text), user(text)]],
    [
      'not for a turn before the loop',
      false,
      [user(text), assistant(foreign, text), user(text), assistant(own, call), user(result)],
    ],
  ])('%s: %s', (_name, isOff, messages) => {
    const { thinking: left, context_management: management } = off(messages)
    expect([left, management]).toEqual(isOff ? [undefined, undefined] : [thinking, { edits: [clear] }])
  })

  const loop = [user(text), assistant(foreign, call), user(result)]

  it('and only the edits that need it go', () => {
    const other = { type: 'clear_tool_uses_20250919' }
    expect(off(loop, { context_management: { edits: [clear, other] } })['context_management']).toEqual({
      edits: [other],
    })
    expect(off(loop, { context_management: { edits: [clear], later: 1 } })['context_management']).toEqual({
      edits: [],
      later: 1,
    })
    expect(off(loop, { context_management: { later: 1 } })['context_management']).toEqual({ later: 1 })
    expect(off(loop, { context_management: null })).toMatchObject({ context_management: null })
  })

  it('by removing the fields, not by setting them', () => {
    expect(Object.keys(off(loop)).sort()).toEqual(['max_tokens', 'messages', 'model'])
  })

  it('not where the client had it off already', () => {
    expect(off(loop, { thinking: { type: 'disabled' } }).thinking).toEqual({ type: 'disabled' })
  })
})

describe('a tool loop that never had thinking', () => {
  const enabled = { type: 'enabled', budget_tokens: 1024 } as const
  const bare = assistant(text, call)

  it.each<[string, readonly Message[]]>([
    ['in its one turn', [user(text), bare, user(result)]],
    ['in a turn that is a call alone', [user(text), assistant(call), user(result), user(text)]],
    ['in the first of its turns', [user(text), bare, user(result), assistant(own, call), user(result)]],
    ['after an answer that had some', [user(text), assistant(own, text), user(text), bare, user(result)]],
  ])('is found where it is missing %s', (_name, messages) => {
    expect(loopLacksThinking(request(messages, { thinking: enabled }))).toBe(true)
  })

  it.each<[string, readonly Message[], CanonicalRequest['thinking']?]>([
    [
      'whose first turn has it: models think once a loop',
      [user(text), assistant(own, call), user(result), bare, user(result)],
    ],
    ['that is over', [user(text), bare, user(result), assistant(text), user(text)]],
    ['under adaptive thinking, which demands none', [user(text), bare, user(result)], thinking],
    ['of a turn without content', [user(text), { role: 'assistant' } as Message, user(result)]],
    ['without thinking asked for', [user(text), bare, user(result)], { type: 'disabled' }],
  ])('is none %s', (_name, messages, given) => {
    expect(loopLacksThinking(request(messages, { thinking: given ?? enabled }))).toBe(false)
  })
})

it('leaves in any history no mark, no empty message and every other block', () => {
  const encrypted_content = signReasoning({ family: 'x', payload: '' })
  const results: ContentBlock = { type: 'web_search_tool_result', tool_use_id: 's', content: [{ encrypted_content }] }
  const block = fc.constantFrom(foreign, own, text, call, result, results)
  const message = fc.record({
    role: fc.constantFrom('user', 'assistant', 'system'),
    content: fc.array(block, { minLength: 1, maxLength: 4 }),
  })
  fc.assert(
    fc.property(fc.array(message as fc.Arbitrary<Message>, { maxLength: 8 }), (messages) => {
      const before = JSON.stringify(messages)
      const left = withoutForeignParts(request(messages)).messages
      const blocksOf = (list: readonly Message[]) =>
        list.flatMap(({ role, content }) => (content as ContentBlock[]).map((one) => [role, one]))
      expect(blocksOf(left)).toEqual(
        blocksOf(messages).filter(([role, one]) => role !== 'assistant' || (one !== foreign && one !== results)),
      )
      expect(left.every(({ content }) => content.length > 0)).toBe(true)
      expect(JSON.stringify(messages)).toBe(before)
    }),
  )
})
