import type { CanonicalEvent, CanonicalMessage, ContentBlock } from '@ccr/sdk'
import { cut, sse, type TestEntry } from '@ccr/sdk/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { captures, continuesThread } from '../../plugins/dialect-openai/test/captures.ts'
import { startPatched, streamOf, type Patched } from './transformer-world.ts'
import { recordings } from '../../plugins/dialect-openai/test/recordings.ts'
import cerebras from '../../plugins/provider-cerebras/src/index.ts'
import deepseek from '../../plugins/provider-deepseek/src/index.ts'
import groq from '../../plugins/provider-groq/src/index.ts'
import openrouter from '../../plugins/provider-openrouter/src/index.ts'

/** A stream of a provider, and what has to come out of it, whichever plugin is on its way. */
interface Row {
  readonly rule: string
  readonly chunks: readonly object[]
  readonly content: readonly object[]
  readonly stop?: string
  readonly usage?: object
}

const chunk = (delta: object, finish_reason: string | null = null, rest: object = {}): object => ({
  choices: [{ index: 0, delta, finish_reason }],
  ...rest,
})
const text = (said: string): object => ({ type: 'text', text: said })
const thought = (said: string): object => ({ type: 'thinking', thinking: said })
const call = (id: string, input: object, name = 'look'): object => ({ type: 'tool_use', id, name, input })
const part = (fields: object, fn: object): object => ({ ...fields, type: 'function', function: fn })
const calls = (...list: readonly object[]): object => chunk({ tool_calls: list })
const counts = (prompt_tokens: number, completion_tokens: number): object => ({
  usage: { prompt_tokens, completion_tokens },
})
const STOP = chunk({}, 'stop')
const CALLED = chunk({}, 'tool_calls')

/** @param field the one that the vendor's reasoning comes in */
function rows(field: string): readonly Row[] {
  const think = (said: string): object => chunk({ [field]: said })
  const say = (said: string): object => chunk({ content: said })
  return [
    {
      rule: 'rule 86: thoughts and text by turns are four blocks',
      chunks: [think('a'), say('b'), think('c'), say('d'), STOP],
      content: [thought('a'), text('b'), thought('c'), text('d')],
    },
    {
      rule: 'rule 87: thoughts after text close it',
      chunks: [say('a'), think('b'), STOP],
      content: [text('a'), thought('b')],
    },
    {
      rule: 'rule 88: thoughts and their signature in one chunk',
      chunks: [
        chunk({
          [field]: 'a',
          reasoning_details: [{ type: 'reasoning.text', text: 'a', signature: 's', index: 0 }],
        }),
        say('b'),
        STOP,
      ],
      content: [thought('a'), text('b')],
    },
    {
      rule: 'rule 89, rule 124: thoughts before a call, whose arguments come once',
      chunks: [think('a'), calls(part({ index: 0, id: 'x' }, { name: 'look', arguments: '{}' })), CALLED],
      content: [thought('a'), call('x', {})],
      stop: 'tool_use',
    },
    {
      rule: 'rule 89: thoughts before the end',
      chunks: [think('a'), STOP],
      content: [thought('a')],
    },
    {
      rule: 'rule 90: a call in pieces',
      chunks: [
        calls(part({ index: 0, id: 'x' }, { name: 'look', arguments: '' })),
        calls(part({ index: 0 }, { arguments: '{"at"' })),
        calls(part({ index: 0 }, { arguments: ':1}' })),
        CALLED,
      ],
      content: [call('x', { at: 1 })],
      stop: 'tool_use',
    },
    {
      rule: 'rule 91: two calls with one index',
      chunks: [
        calls(part({ index: 0, id: 'x' }, { name: 'look', arguments: '{"at":1}' })),
        calls(part({ index: 0, id: 'y' }, { name: 'look', arguments: '{"at":2}' })),
        CALLED,
      ],
      content: [call('x', { at: 1 }), call('y', { at: 2 })],
      stop: 'tool_use',
    },
    {
      rule: 'rule 92: two calls in one delta without an index',
      chunks: [
        calls(
          part({ id: 'x' }, { name: 'look', arguments: '{"at":1}' }),
          part({ id: 'y' }, { name: 'look', arguments: '{"at":2}' }),
        ),
        CALLED,
      ],
      content: [call('x', { at: 1 }), call('y', { at: 2 })],
      stop: 'tool_use',
    },
    {
      rule: 'rule 93: pieces of two calls by turns',
      chunks: [
        calls(part({ index: 0, id: 'x' }, { name: 'look', arguments: '{"at"' })),
        calls(part({ index: 1, id: 'y' }, { name: 'look', arguments: '{"at"' })),
        calls(part({ index: 0 }, { arguments: ':1}' })),
        calls(part({ index: 1 }, { arguments: ':2}' })),
        CALLED,
      ],
      content: [call('x', { at: 1 }), call('y', { at: 2 })],
      stop: 'tool_use',
    },
    {
      rule: 'rule 94: a name behind its id',
      chunks: [
        calls(part({ index: 0, id: 'x' }, {})),
        calls(part({ index: 0 }, { name: 'look', arguments: '{}' })),
        CALLED,
      ],
      content: [call('x', {})],
      stop: 'tool_use',
    },
    {
      rule: 'rule 95: arguments that are an object',
      chunks: [calls(part({ index: 0, id: 'x' }, { name: 'look', arguments: { at: 1 } })), CALLED],
      content: [call('x', { at: 1 })],
      stop: 'tool_use',
    },
    {
      rule: 'rule 96: usage with the finish reason',
      chunks: [say('a'), chunk({}, 'stop', counts(7, 3))],
      content: [text('a')],
      usage: { input_tokens: 7, output_tokens: 3 },
    },
    {
      rule: 'rule 97: usage behind the finish reason',
      chunks: [say('a'), STOP, { choices: [], ...counts(7, 3) }],
      content: [text('a')],
      usage: { input_tokens: 7, output_tokens: 3 },
    },
    {
      rule: 'rule 98: usage with every chunk, of which the last counts',
      chunks: [
        chunk({ content: 'a' }, null, counts(7, 1)),
        chunk({ content: 'b' }, null, counts(7, 2)),
        chunk({}, 'stop', counts(7, 3)),
      ],
      content: [text('ab')],
      usage: { input_tokens: 7, output_tokens: 3 },
    },
    {
      rule: 'rule 114: the finish reason with the last text',
      chunks: [think('a'), chunk({ content: 'b' }, 'length')],
      content: [thought('a'), text('b')],
      stop: 'max_tokens',
    },
    {
      rule: 'rule 116: the finish reason with an empty delta',
      chunks: [think('a'), chunk({}, 'length')],
      content: [thought('a')],
      stop: 'max_tokens',
    },
  ]
}

const PLUGINS: readonly (readonly [string, TestEntry, model: string, field: string])[] = [
  ['deepseek', deepseek, 'deepseek-v4-pro', 'reasoning_content'],
  ['openrouter', openrouter, 'anthropic/claude-sonnet-4.5', 'reasoning'],
  ['groq', groq, 'qwen/qwen3-32b', 'reasoning'],
  ['cerebras', cerebras, 'zai-glm-4.7', 'reasoning'],
]

const recorded = recordings().filter(({ stream, status }) => stream && status === 200)

/** Some of the requests of a real client: they differ in what they try, and each ten are of a kind. */
const captured = captures().filter((capture, at) => at % 10 === 0 && !continuesThread(capture))

describe.each(PLUGINS)('a stream through %s', (name, plugin, model, field) => {
  let body: readonly Uint8Array[] | string
  let patched: Patched
  let plain: Patched
  beforeAll(async () => {
    const answer = () => sse(body)
    patched = await startPatched([plugin], { model, answer })
    plain = await startPatched([], { model, answer })
  })
  afterAll(async () => {
    await patched.test.dispose()
    await plain.test.dispose()
  })

  const read = async (
    through: Patched,
    chunks: readonly object[],
  ): Promise<{ message: CanonicalMessage; events: readonly CanonicalEvent[] }> => {
    body = streamOf(chunks)
    return through.ask({ stream: true, thinking: { type: 'adaptive' }, tools: [{ name: 'look' }] })
  }

  it.each(rows(field))('$rule', async ({ chunks, content, stop = 'end_turn', usage }) => {
    const { message, events } = await read(patched, chunks)
    expect(message.content).toMatchObject(content)
    expect(message.content).toHaveLength(content.length)
    expect(message.stop_reason).toBe(stop)
    if (usage) expect(message.usage).toMatchObject(usage)
    expect(unsigned(events)).toEqual([])
    expect(events).toEqual((await read(plain, chunks)).events)
  })

  it('rule 110: arguments that the token limit cut stay cut', async () => {
    const start = calls(part({ index: 0, id: 'x' }, { name: 'look', arguments: '{"at"' }))
    const { message, events } = await read(patched, [start, chunk({}, 'length')])
    expect(message.stop_reason).toBe('max_tokens')
    const deltas = events.flatMap((event) => (event.type === 'content_block_delta' ? [event.delta] : []))
    expect(deltas).toEqual([{ type: 'input_json_delta', partial_json: '{"at"' }])
  })

  it('rule 99, rule 100: tokens that nobody counts are estimated at the start, and not said to be none', async () => {
    const { events } = await read(patched, [chunk({ content: 'a' }), STOP])
    const [start] = events
    const end = events.find(({ type }) => type === 'message_delta')
    expect((start as { message: CanonicalMessage }).message.usage.input_tokens).toBeGreaterThan(0)
    expect((end as { usage: object }).usage).not.toHaveProperty('input_tokens')
  })

  it('is what it is without the plugin, for all that were recorded of this provider', async () => {
    const own = recorded.filter((recording) => recording.name.startsWith(`${name}/`))
    for (const { name: from, bytes } of own) {
      body = [bytes]
      const [through, without] = [await patched.ask({ stream: true }), await plain.ask({ stream: true })]
      expect(through.text, from).toBe(without.text)
    }
    if (recorded.length > 0) expect(own).not.toEqual([])
  })

  it('has requests of a real client before it, which are the same each time, so that prompts stay cached', async () => {
    body = streamOf([chunk({ content: 'a' }), STOP])
    for (const { name: from, request } of captured) {
      const first = await patched.ask({ ...request, stream: true })
      expect(first.status, from).toBe(200)
      await patched.ask({ ...request, stream: true })
      const [one, other] = patched.asked.slice(-2)
      expect(JSON.stringify(one!.body) === JSON.stringify(other!.body), from).toBe(true)
    }
  })

  it('is the same wherever its bytes are cut', async () => {
    const { chunks } = rows(field)[3]!
    const { events } = await read(patched, chunks)
    const bytes = streamOf(chunks)
    for (let at = 1; at < bytes.length; at += 7) {
      body = cut(bytes, at)
      const request = { stream: true, thinking: { type: 'adaptive' }, tools: [{ name: 'look' }] } as const
      expect((await patched.ask(request)).events, String(at)).toEqual(events)
    }
  })
})

/** Thoughts that end without a signature directly before. */
function unsigned(events: readonly CanonicalEvent[]): readonly CanonicalEvent[] {
  const thoughts = new Set<number>()
  return events.filter((event, at) => {
    if (event.type === 'content_block_start' && isThought(event.content_block)) thoughts.add(event.index)
    if (event.type !== 'content_block_stop' || !thoughts.has(event.index)) return false
    const before = events[at - 1]
    return before?.type !== 'content_block_delta' || before.delta.type !== 'signature_delta'
  })
}

function isThought({ type }: ContentBlock): boolean {
  return type === 'thinking'
}
