import type { CanonicalMessage, CanonicalUsage } from '@ccr/sdk'
import type { ChatCompletion } from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faultsOf, messageOf, target } from '../test/harness.ts'
import { createOracle, type Oracle, type OracleAnswer } from '../test/oracle.ts'
import { outcomeOf, protocols, recordings, type Recording } from '../test/recordings.ts'

/** What recordings that hold an error come to, and the words that the SDK throws as well. */
const FAULTY: Readonly<Record<string, RegExp>> = {
  'groq/pydantic__test_tool_use_failed_error_streaming/01.response.sse': /Tool call validation failed/,
  'openrouter/pydantic__test_openrouter_stream_error/01.response.sse': /Token limit reached/,
}

interface Untaken {
  readonly reason: string
  readonly calls: readonly (readonly [string, object])[]
}

/** Recordings that the SDK does not take, why, and the calls that stand in their bytes. */
const UNTAKEN: Readonly<Record<string, Untaken>> = {
  'mistral/vercel__mistral-tool-call.chunks.txt': {
    reason: 'its call has no index, and the SDK loses it',
    calls: [['weather', { location: 'San Francisco' }]],
  },
  'mistral/vercel__mistral-incremental-tool-call.chunks.txt': {
    reason: 'its first chunk was not recorded, and the SDK wants a role',
    calls: [['webSearchTool', { query: 'current Berlin weather' }]],
  },
  'openai-compatible/vercel__anthropic-fallback-tool-call.sse': {
    reason: 'its only call has index 1, and the SDK fails on the hole before it',
    calls: [['read_file', { path: 'a.txt' }]],
  },
  'cerebras/vercel__cerebras-structured-output-tools.1.chunks.txt': {
    reason: 'both of its calls have index 0, and the SDK joins them to `{}{}`',
    calls: [
      ['nonUsefulTool', {}],
      ['nonUsefulTool', {}],
    ],
  },
}

/** Recordings of other protocols, none of which the SDK of this one takes. */
const OTHER_PROTOCOLS: Readonly<Record<string, string>> = {
  'cohere-v2-chat': 'Cohere’s own protocol, which no target of this dialect speaks',
  generateContent: 'of dialect-gemini',
  'streamGenerateContent (JSON array, no alt=sse)': 'of dialect-gemini',
  messages: 'of dialect-anthropic',
  'messages/count_tokens': 'of dialect-anthropic',
  responses: 'of dialect-openai-responses',
}

interface Block {
  readonly type: string
  readonly text?: string
  readonly thinking?: string
  readonly name?: string
  readonly input?: unknown
}

interface Said {
  readonly text: string
  readonly thinking: string
  readonly calls: readonly { readonly name: string; readonly input: unknown }[]
  readonly stop: string | null
  readonly usage: CanonicalUsage
}

function ofOurs({ content, stop_reason, usage }: CanonicalMessage): Said {
  const blocks = content as readonly Block[]
  const join = (type: string, field: 'text' | 'thinking'): string =>
    blocks.map((block) => (block.type === type ? block[field] : '')).join('')
  const calls = blocks.filter(({ type }) => type === 'tool_use').map(({ name = '', input }) => ({ name, input }))
  return { text: join('text', 'text'), thinking: join('thinking', 'thinking'), calls, stop: stop_reason, usage }
}

function ofTheirs({ completion, deltas }: OracleAnswer): Said {
  const { message, finish_reason } = completion.choices[0]!
  const calls = (message.tool_calls ?? []).map((call) => {
    if (call.type !== undefined && call.type !== 'function') throw new Error(`a call of type ${call.type}`)
    return { name: call.function.name, input: JSON.parse(call.function.arguments || '{}') as unknown }
  })
  const listed = deltas.some(({ content }) => Array.isArray(content))
  const text = listed ? deltas.map(({ content }) => listedText(content)).join('') : (message.content ?? '')
  const stop = STOP[finish_reason] ?? 'end_turn'
  return {
    text: text + (message.refusal ?? ''),
    thinking: deltas.map(thinkingOf).join(''),
    calls,
    stop: calls.length > 0 && stop === 'end_turn' ? 'tool_use' : stop,
    usage: usageOf(completion.usage as RecordedUsage | undefined),
  }
}

const STOP: Readonly<Record<string, string>> = {
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
}

interface Detail {
  readonly text?: string | null
  readonly summary?: string | null
}

/** The fields of reasoning that the SDK has no type for; where one says the same as another the first counts. */
function thinkingOf(delta: Readonly<Record<string, unknown>>): string {
  const { reasoning_content, reasoning, reasoning_details, content } = delta
  if (typeof reasoning_content === 'string' && reasoning_content !== '') return reasoning_content
  if (typeof reasoning === 'string' && reasoning !== '') return reasoning
  if (Array.isArray(reasoning_details))
    return (reasoning_details as readonly Detail[]).map(({ text, summary }) => text ?? summary ?? '').join('')
  if (!Array.isArray(content)) return ''
  return (content as readonly { thinking?: readonly { text: string }[] }[])
    .flatMap(({ thinking = [] }) => thinking.map(({ text }) => text))
    .join('')
}

/** The SDK adds lists of content to a string, so they are read from the deltas. */
function listedText(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return (content as readonly { type: string; text?: string }[])
    .map(({ type, text }) => (type === 'text' ? text : ''))
    .join('')
}

/** Moonshot counts cached tokens in a field that the SDK has no type for. */
type RecordedUsage = ChatCompletion['usage'] & { readonly cached_tokens?: number }

function usageOf(usage: RecordedUsage | undefined): CanonicalUsage {
  const { prompt_tokens_details: prompt, completion_tokens_details: completion } = usage ?? {}
  const { cached_tokens: read = usage?.cached_tokens, cache_write_tokens: written } = prompt ?? {}
  return {
    ...(usage && { input_tokens: usage.prompt_tokens - (read ?? 0) - (written ?? 0) }),
    ...(usage && { output_tokens: usage.completion_tokens }),
    ...(read !== undefined && { cache_read_input_tokens: read }),
    ...(written !== undefined && { cache_creation_input_tokens: written }),
    ...(completion?.reasoning_tokens !== undefined && {
      output_tokens_details: { thinking_tokens: completion.reasoning_tokens },
    }),
  }
}

const all = recordings()
const named = (list: readonly Recording[]): (readonly [string, Recording])[] => list.map((one) => [one.name, one])
const answers = all.filter(({ status }) => status === 200)
const refusals = all.filter(({ status }) => status >= 400)

describe.skipIf(answers.length === 0)('recorded answers', () => {
  it('are all of this protocol; the others are out of scope, and why is known', () => {
    expect(protocols().filter((protocol) => !(protocol in OTHER_PROTOCOLS))).toEqual(['chat-completions'])
    expect(answers.length).toBeGreaterThan(140)
  })

  let oracle: Oracle
  beforeAll(async () => {
    oracle = await createOracle()
  })
  afterAll(() => oracle.close())

  it.each(named(answers.filter(({ name }) => !(name in FAULTY) && !(name in UNTAKEN))))(
    '%s says what the SDK makes of it',
    async (_name, recording) => {
      const { events, fault } = outcomeOf(recording)
      expect(fault).toBeUndefined()
      expect(faultsOf(events)).toEqual([])
      const theirs = ofTheirs(await oracle.ask(recording))
      const ours = ofOurs(messageOf(events))
      expect({ ...ours, usage: {} }).toEqual({ ...theirs, usage: {} })
      expect(ours.usage).toMatchObject(theirs.usage)
    },
  )

  it.each(named(answers.filter(({ name }) => name in UNTAKEN)))(
    '%s is read where the SDK does not take it',
    async (name, recording) => {
      const { events, fault } = outcomeOf(recording)
      expect(fault).toBeUndefined()
      expect(faultsOf(events)).toEqual([])
      const calls = UNTAKEN[name]!.calls.map(([called, input]) => ({ name: called, input }))
      const ours = ofOurs(messageOf(events))
      expect(ours).toMatchObject({ calls, stop: 'tool_use' })
      const theirs = await oracle
        .ask(recording)
        .then(ofTheirs)
        .catch(() => undefined)
      expect(theirs?.calls, UNTAKEN[name]!.reason).not.toEqual(calls)
    },
  )

  it.each(named(answers.filter(({ name }) => name in FAULTY)))(
    '%s is the error that the SDK throws',
    async (name, recording) => {
      const { events, fault } = outcomeOf(recording)
      expect(fault).toMatchObject({ code: 'CCR_STREAM_ERROR', message: expect.stringMatching(FAULTY[name]!) as string })
      expect(faultsOf(events, false)).toEqual([])
      await expect(oracle.ask(recording)).rejects.toThrow(FAULTY[name]!)
    },
  )
})

describe.skipIf(refusals.length === 0)('recorded errors', () => {
  it.each(named(refusals))('%s', (_name, { bytes }) => {
    expect(target.error(JSON.parse(bytes.toString('utf8')))?.message).toMatch(/\w/)
  })
})
