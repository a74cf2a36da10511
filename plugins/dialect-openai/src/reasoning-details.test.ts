import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { MAX_HELD, type CanonicalMessage, type ContentBlock, type Message } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { detailed } from '../test/deltas.ts'
import { answer, chunk, decode, DONE, encode, encodedMessages, FUZZ_MS, messageOf, RUNS } from '../test/harness.ts'
import { FIXTURES } from '../../../test/recorded.ts'
import { outcomeOf, recordings } from '../test/recordings.ts'
import { packDetails, ReasoningDetails, unpackDetails } from './reasoning-details.ts'

const asks: Message = { role: 'user', content: 'q' }
const call = { tool_calls: [{ index: 0, id: 'x', function: { name: 'f', arguments: '{}' } }] }

/** The assistant message that goes back for an answer. */
function sentBack({ content }: Pick<CanonicalMessage, 'content'>): Readonly<Record<string, unknown>> {
  return encodedMessages(asks, { role: 'assistant', content })[1] as unknown as Readonly<Record<string, unknown>>
}

describe('reasoning_details', () => {
  const fragments = [
    { reasoning: 'Hel', reasoning_details: [{ type: 'reasoning.text', text: 'Hel', format: 'f', index: 0 }] },
    { reasoning: 'lo', reasoning_details: [{ type: 'reasoning.text', text: 'lo', format: 'f', index: 0 }] },
    { reasoning_details: [{ type: 'reasoning.text', signature: 'S', format: 'f', index: 0 }] },
  ]
  const whole = { type: 'reasoning.text', text: 'Hello', format: 'f', index: 0, signature: 'S' }

  it('are joined, kept with the thinking they belong to, and go back as they came', () => {
    const message = answer([...fragments, { content: 'a' }, call], 'tool_calls')
    expect(message.content[0]).toEqual(detailed('Hello', [whole]))
    const back = sentBack(message)
    expect(back['reasoning_details']).toEqual([whole])
    expect(back).not.toHaveProperty('reasoning')
  })

  it('go to nobody else', () => {
    const { content } = answer([...fragments, { content: 'a' }])
    const messages: Message[] = [asks, { role: 'assistant', content }]
    expect(JSON.stringify(encode({ messages }, { provider: 'elsewhere' }))).not.toMatch(/Hello|reasoning/)
  })

  it('that are encrypted make a thinking block without text, before the call they came with', () => {
    const encrypted = { type: 'reasoning.encrypted', data: 'opaque', id: 'rs_1' }
    const message = answer([{ ...call, reasoning_details: [encrypted] }], 'tool_calls')
    expect(message.content.map(({ type }) => type)).toEqual(['thinking', 'tool_use'])
    expect(message.content[0]).toMatchObject({ thinking: '' })
    expect(sentBack(message)['reasoning_details']).toEqual([encrypted])
  })

  it('of several blocks stay with their blocks, and apart where their indexes differ', () => {
    const detail = (text: string, index: number): object => ({
      reasoning_details: [{ type: 'reasoning.text', text, index }],
    })
    const message = answer([detail('a', 0), detail('b', 1), { content: 't' }, detail('c', 2), call], 'tool_calls')
    const thinking = (message.content as readonly { thinking?: string }[]).flatMap((block) => block.thinking ?? [])
    expect(thinking).toEqual(['ab', 'c'])
    expect(sentBack(message)['reasoning_details']).toMatchObject([{ text: 'a' }, { text: 'b' }, { text: 'c' }])
  })

  it('whose thinking was changed by somebody go back as plain reasoning', () => {
    const [thinking] = answer([...fragments, { content: 'a' }]).content as readonly ContentBlock[]
    const content = [
      { ...thinking!, thinking: 'Help' },
      { type: 'text', text: 'a' },
    ]
    expect(sentBack({ content })).toMatchObject({ reasoning: 'Help' })
    expect(sentBack({ content })).not.toHaveProperty('reasoning_details')
  })

  it('are bounded', () => {
    const large = chunk({ reasoning_details: [{ type: 'reasoning.encrypted', data: 'x'.repeat(1024 * 1024) }] })
    expect(() => decode([...Array(9).fill(large), DONE])).toThrow(expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }))
  })

  it('of any kind come out of a signature as they went in', { timeout: FUZZ_MS }, () => {
    const detail = fc.dictionary(
      fc.constantFrom('type', 'text', 'summary', 'data', 'signature', 'index'),
      fc.oneof(fc.string(), fc.nat(9), fc.constant(null)),
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(fc.array(detail), fc.boolean(), (drawn, same) => {
        // A text is a text: a number in its place is no server's.
        const details = drawn.map(({ text, summary, ...rest }) => ({
          ...rest,
          ...(typeof text === 'string' ? { text } : {}),
          ...(typeof summary === 'string' ? { summary } : {}),
        }))
        const texts = details.map(({ text = '', summary = '' }) => text + summary).join('')
        const thinking = same ? texts : `other ${texts}`
        const packed: unknown = JSON.parse(JSON.stringify(packDetails(details, thinking)))
        expect(unpackDetails(packed, thinking)).toEqual(details)
      }),
      { numRuns: RUNS },
    )
  })
})

interface Replayed {
  readonly role: string
  readonly reasoning_details?: unknown
  readonly tool_calls?: readonly object[]
}

/** Recordings in which a client sent back what it had been given in the turn before. */
function replays(): (readonly [string, string])[] {
  const folder = `${FIXTURES}/openrouter`
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /reasoning_details_round-trip/.test(name))
    .map((name) => [name, `${folder}/${name}`])
}

describe.skipIf(replays().length === 0)('recorded replays', () => {
  it.each(replays())('%s: the client sent what we would have sent', (name, path) => {
    const first = recordings().find((recording) => recording.name.startsWith(`openrouter/${name}/01.response`))!
    const recorded = JSON.parse(readFileSync(`${path}/02.request.json`, 'utf8')) as { messages: readonly Replayed[] }
    const theirs = recorded.messages.find(({ role }) => role === 'assistant')!
    const ours = sentBack(messageOf(outcomeOf(first).events))
    expect(theirs.reasoning_details).toBeDefined()
    expect(ours['reasoning_details']).toEqual(theirs.reasoning_details)
    expect(ours['tool_calls']).toMatchObject(theirs.tool_calls!.map((one) => ({ id: (one as { id: string }).id })))
  })
})

describe('the entries of a stream', () => {
  const joined = (...fragments: readonly unknown[]): readonly object[] => {
    const details = new ReasoningDetails()
    details.add(fragments)
    expect(details.empty).toBe(details.take().length === 0)
    details.add(fragments)
    return details.take()
  }
  const text = (said: unknown, more: object = {}): object => ({ type: 'reasoning.text', text: said, ...more })

  it.each<[string, readonly unknown[], readonly object[]]>([
    ['grow in their texts', [text('a', { index: 0 }), text('b', { index: 0 })], [text('ab', { index: 0 })]],
    [
      'grow in their summaries',
      [
        { type: 'reasoning.summary', summary: 'a' },
        { type: 'reasoning.summary', summary: 'b' },
      ],
      [{ type: 'reasoning.summary', summary: 'ab' }],
    ],
    [
      'are others with another index',
      [text('a', { index: 0 }), text('b', { index: 1 })],
      [text('a', { index: 0 }), text('b', { index: 1 })],
    ],
    [
      'are others of another type',
      [text('a'), { type: 'reasoning.summary', summary: 'b' }],
      [text('a'), { type: 'reasoning.summary', summary: 'b' }],
    ],
    [
      'never join what is encrypted',
      [
        { type: 'reasoning.encrypted', data: 'a' },
        { type: 'reasoning.encrypted', data: 'b' },
      ],
      [
        { type: 'reasoning.encrypted', data: 'a' },
        { type: 'reasoning.encrypted', data: 'b' },
      ],
    ],
    [
      'keep the last word that says something of everything else',
      [
        text('a', { signature: 's', format: 'f', id: null }),
        text(null, { signature: '', format: null, id: null, late: '' }),
        text('b', { signature: 't' }),
      ],
      [text('ab', { signature: 't', format: 'f', id: null, late: '' })],
    ],
    ['begin where there was no text', [text(null), text('a')], [text('a')]],
    ['are objects', [null, 5, 'x', [], text('a')], [text('a')]],
  ])('%s', (_name, fragments, entries) => {
    expect(joined(...fragments)).toEqual(entries)
  })

  it('are bounded in their texts and their number, until they are taken', () => {
    const limit = expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }) as Error
    const details = new ReasoningDetails()
    const half = text('x'.repeat(MAX_HELD / 2))
    for (let turn = 0; turn < 3; turn++) {
      details.add([half])
      details.take()
    }
    details.add([half])
    expect(() => details.add([half])).toThrow(limit)
    expect(() => new ReasoningDetails().add(Array(MAX_HELD / 64).fill({ type: 'reasoning.encrypted' }))).toThrow(limit)
  })
})

describe('packed entries', () => {
  const text = (said: unknown): object => ({ type: 'reasoning.text', text: said, signature: 's' })

  it('hold lengths in the place of the thinking that they are, and nothing where they are something else', () => {
    const details = [
      text('ab'),
      { type: 'reasoning.summary', summary: 'c', text: null },
      { type: 'reasoning.encrypted' },
    ]
    const packed = packDetails(details as never, 'abc')
    expect(packed).toEqual([
      text(2),
      { type: 'reasoning.summary', summary: 1, text: null },
      { type: 'reasoning.encrypted' },
    ])
    expect(unpackDetails(packed, 'abc')).toEqual(details)
    expect(packDetails(details as never, 'other')).toBe(details)
    expect(unpackDetails(details, 'other')).toEqual(details)
    for (const thinking of ['ab', 'abcd']) expect(unpackDetails(packed, thinking)).toBeUndefined()
    expect(unpackDetails('x', '')).toBeUndefined()
  })
})
