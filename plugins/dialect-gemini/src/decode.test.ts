import { estimateInput, type ContentBlock, type UpstreamError } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import {
  answer,
  chunk,
  contentsOf,
  decode,
  encode,
  fakeAttempt,
  messageOf,
  replayed,
  run,
  target,
  wholeAnswer,
} from '../test/harness.ts'
import { faultsOf } from '../test/validate.ts'
import { RAW_PART } from './content.ts'
import { sign, type PartSignature } from './signatures.ts'
import { createTarget } from './target.ts'
import { TrailingSignatures } from './trailing-signatures.ts'
import type { GeminiEvent, UsageMetadata } from './wire.ts'

const thought = (thinking: string, ...signatures: readonly PartSignature[]): object => ({
  type: 'thinking',
  thinking,
  signature: sign({ provider: 'google', signatures }),
})
const text = (value: string): object => ({ type: 'text', text: value })
const tool = (id: string, name: string, input: object = {}): object => ({ type: 'tool_use', id, name, input })
const call = (name: string, args: object = {}, rest: object = {}): object => ({ functionCall: { name, args }, ...rest })

interface Row {
  readonly rule: string
  readonly parts: readonly object[]
  readonly finish?: string
  readonly content: readonly object[]
  readonly stop?: string
}

const ANSWERS: readonly Row[] = [
  {
    rule: 'rule 145: texts of several parts are one text, with nothing between',
    parts: [{ text: 'a' }, { text: ' b' }, { text: '' }, { text: 'c' }],
    content: [text('a bc')],
  },
  {
    rule: 'rule 145: an answer without any content stays empty',
    parts: [{ text: '' }],
    content: [],
  },
  {
    rule: 'rule 142: the signature of a call stands in a block before it',
    parts: [call('f', { a: 1 }, { thoughtSignature: 'S' }), call('g')],
    content: [thought('', { on: 'call', signature: 'S' }), tool('toolu_2', 'f', { a: 1 }), tool('toolu_3', 'g')],
    stop: 'tool_use',
  },
  {
    rule: 'rule 142: each thought has its own signatures alone, whatever stands between',
    parts: [
      { text: 'a', thought: true, thoughtSignature: 'S1' },
      { text: 'b', thought: true },
      { text: '', thought: true, thoughtSignature: 'S2' },
      { text: 'x' },
      { text: 'c', thought: true, thoughtSignature: 'S3' },
    ],
    content: [
      thought('a', { on: 'thought', signature: 'S1' }),
      thought('b', { on: 'thought', signature: 'S2' }),
      text('x'),
      thought('c', { on: 'thought', signature: 'S3' }),
    ],
  },
  {
    rule: 'rule 142: a signature that stands alone behind a call ends the answer',
    parts: [call('f'), { text: '', thoughtSignature: 'S' }],
    content: [tool('toolu_2', 'f'), thought('', { on: 'empty', signature: 'S' })],
    stop: 'tool_use',
  },
  {
    rule: 'rule 110: an answer with calls that was cut says so',
    parts: [call('f')],
    finish: 'MAX_TOKENS',
    content: [tool('toolu_2', 'f')],
    stop: 'max_tokens',
  },
  {
    rule: 'an image that was thought is kept as it is',
    parts: [{ inlineData: { mimeType: 'image/png', data: 'A' }, thought: true }],
    content: [{ type: RAW_PART, part: { inlineData: { mimeType: 'image/png', data: 'A' }, thought: true } }],
  },
  {
    rule: 'a part of nothing is none',
    parts: [{}, { thought: true }, { thoughtSignature: 'S' }, { functionCall: {} }, { text: 'a' }],
    content: [text('a')],
  },
  {
    rule: 'rule 142: or in the thought before it',
    parts: [{ text: 'hm', thought: true }, call('f', {}, { thoughtSignature: 'S' })],
    content: [thought('hm', { on: 'call', signature: 'S' }), tool('toolu_2', 'f')],
    stop: 'tool_use',
  },
  {
    rule: 'rule 142: beside the signature of that thought',
    parts: [{ text: 'hm', thought: true, thoughtSignature: 'S1' }, call('f', {}, { thoughtSignature: 'S2' })],
    content: [thought('hm', { on: 'thought', signature: 'S1' }, { on: 'call', signature: 'S2' }), tool('toolu_2', 'f')],
    stop: 'tool_use',
  },
  {
    rule: 'rule 142: a text with a signature begins a block of its own',
    parts: [{ text: 'a' }, { text: 'b', thoughtSignature: 'S' }, { text: 'c' }],
    content: [text('a'), thought('', { on: 'text', signature: 'S' }), text('bc')],
  },
  {
    rule: 'rule 142: a signature without text goes into a block when something follows',
    parts: [{ text: 'a' }, { text: '', thoughtSignature: 'S' }, call('f')],
    content: [text('a'), thought('', { on: 'empty', signature: 'S' }), tool('toolu_2', 'f')],
    stop: 'tool_use',
  },
  {
    rule: 'rule 142: and into none behind the last text, which clients take for the answer',
    parts: [{ text: 'a' }, { text: '', thoughtSignature: 'S' }],
    content: [text('a')],
  },
  {
    rule: 'rule 142: thoughts behind a signed one are another block',
    parts: [
      { text: 'a', thought: true, thoughtSignature: 'S' },
      { text: 'b', thought: true },
    ],
    content: [thought('a', { on: 'thought', signature: 'S' }), thought('b')],
  },
  {
    rule: 'rule 144: thoughts without a signature, then text',
    parts: [{ text: 'hm', thought: true }, { text: 'm', thought: true }, { text: 'a' }],
    content: [thought('hmm'), text('a')],
  },
  { rule: 'rule 146: STOP', parts: [{ text: 'a' }], content: [text('a')], stop: 'end_turn' },
  {
    rule: 'rule 146: STOP with a call',
    parts: [call('f')],
    content: [tool('toolu_2', 'f')],
    stop: 'tool_use',
  },
  {
    rule: 'rule 146: MAX_TOKENS',
    parts: [{ text: 'a' }],
    finish: 'MAX_TOKENS',
    content: [text('a')],
    stop: 'max_tokens',
  },
  ...['SAFETY', 'RECITATION', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII', 'LANGUAGE', 'IMAGE_SAFETY'].map(
    (finish): Row => ({
      rule: `rule 146: ${finish}`,
      parts: [{ text: 'a' }],
      finish,
      content: [text('a')],
      stop: 'refusal',
    }),
  ),
  ...['OTHER', 'FINISH_REASON_UNSPECIFIED', 'constructor', 'NEW'].map((finish): Row => ({
    rule: `rule 146: ${finish} ends the turn`,
    parts: [{ text: 'a' }],
    finish,
    content: [text('a')],
    stop: 'end_turn',
  })),
  {
    rule: 'an id that the API gave is kept, an unusable one replaced',
    parts: [
      { functionCall: { id: 'ab-1', name: 'f', args: {} } },
      { functionCall: { id: 'a.b', name: 'f', args: {} } },
      { functionCall: { id: 'ab-1', name: 'f' } },
    ],
    content: [tool('ab-1', 'f'), tool('toolu_2', 'f'), tool('toolu_3', 'f')],
    stop: 'tool_use',
  },
  {
    rule: 'an image is one also where it is signed',
    parts: [{ text: 'a' }, { inlineData: { mimeType: 'image/png', data: 'AA' }, thoughtSignature: 'S' }],
    content: [
      text('a'),
      thought('', { on: 'image', signature: 'S' }),
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } },
    ],
  },
  {
    rule: 'parts that the canonical form has no word for are kept as they are',
    parts: [
      { executableCode: { language: 'PYTHON', code: '1+1' }, thoughtSignature: 'S' },
      { inlineData: { mimeType: 'image/png', data: 'AA' } },
      { inlineData: { mimeType: 'audio/wav', data: 'AA' } },
      { thoughtSignature: 'lonely' },
    ],
    content: [
      { type: 'gemini_part', part: { executableCode: { language: 'PYTHON', code: '1+1' }, thoughtSignature: 'S' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } },
      { type: 'gemini_part', part: { inlineData: { mimeType: 'audio/wav', data: 'AA' } } },
    ],
  },
]

describe('an answer', () => {
  it.each(ANSWERS)('$rule, streamed', ({ parts, finish = 'STOP', content, stop = 'end_turn' }) => {
    const events = decode([...parts.map((part) => chunk([part])), chunk([], finish)])
    expect(faultsOf(events)).toEqual([])
    expect(messageOf(events)).toMatchObject({ content, stop_reason: stop, stop_sequence: null, model: 'asked' })
    expect(answer(parts, finish)).toMatchObject({ content })
  })

  it.each(ANSWERS)('$rule, whole', ({ parts, finish, content, stop = 'end_turn' }) => {
    expect(wholeAnswer(parts, finish)).toMatchObject({ content, stop_reason: stop })
  })

  it.each(ANSWERS)('$rule, as a list of events', ({ parts, finish = 'STOP', content, stop = 'end_turn' }) => {
    const list = [...parts.map((part) => chunk([part])), chunk([], finish)]
    const message = messageOf(decode(target.explode(list, fakeAttempt())))
    expect(message).toMatchObject({ content, stop_reason: stop })
  })

  it.each(['gemini-2.5-flash', 'gemini-3-pro-preview'])('rule 144: %s streams its text at once', (model) => {
    const decoder = target.decoder({ ...fakeAttempt(), target: { provider: 'google', model } })
    const seen: string[] = []
    const emit = (event: { type: string; delta?: { type: string } }): void =>
      void seen.push(event.delta?.type ?? event.type)
    void decoder.chunk(chunk([{ text: 'hm', thought: true }]), emit as never)
    expect(seen).toEqual(['message_start', 'content_block_start', 'thinking_delta'])
    void decoder.chunk(chunk([{ text: 'a' }]), emit as never)
    expect(seen.slice(3)).toEqual(['signature_delta', 'content_block_stop', 'content_block_start', 'text_delta'])
  })

  it('rule 89: every thinking block has a signature directly before its stop', () => {
    const events = decode([
      chunk([{ text: 'a', thought: true }]),
      chunk([call('f', {}, { thoughtSignature: 'S' })]),
      chunk([{ text: 'b', thought: true }], 'STOP'),
    ])
    events.forEach((event, at) => {
      const started = event.type === 'content_block_start' && event.content_block.type === 'thinking'
      if (!started) return
      const stop = events.findIndex((other, index) => index > at && other.type === 'content_block_stop')
      expect(events[stop - 1]).toMatchObject({ delta: { type: 'signature_delta' } })
    })
  })

  it.each([
    ['a reason', { blockReason: 'SAFETY' }, []],
    ['the API’s own words', { blockReason: 'OTHER', blockReasonMessage: 'no' }, [text('no')]],
  ])('rule 146: a blocked prompt is a refusal, with %s', (_what, promptFeedback, content) => {
    const event: GeminiEvent = { promptFeedback, usageMetadata: { promptTokenCount: 5, totalTokenCount: 5 } }
    for (const events of [[event], target.explode(event, fakeAttempt())]) {
      const message = messageOf(decode(events))
      expect(message).toMatchObject({ content, stop_reason: 'refusal', usage: { input_tokens: 5, output_tokens: 0 } })
    }
  })

  it.each(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'TOO_MANY_TOOL_CALLS'])(
    'rule 146: %s is an error',
    (reason) => {
      const { events, fault } = run([chunk([{ text: 'a' }]), chunk([], reason)])
      expect(fault).toMatchObject({ code: 'CCR_STREAM_ERROR', cause: { type: 'api_error' } })
      expect(faultsOf(events, false)).toEqual([])
    },
  )

  it.each([
    [undefined, 'the upstream ended its answer with UNEXPECTED_TOOL_CALL'],
    ['in words', 'in words'],
  ])('rule 146: an answer that failed says why: %j', (finishMessage, message) => {
    const candidate = { content: { parts: [] }, finishReason: 'UNEXPECTED_TOOL_CALL', finishMessage }
    expect(run([{ candidates: [candidate] } as GeminiEvent]).fault).toMatchObject({ cause: { message } })
  })

  it('only the first candidate counts', () => {
    const other = { index: 1, content: { parts: [{ text: 'other' }] }, finishReason: 'STOP' }
    const first = { content: { parts: [{ text: 'a' }] }, finishReason: 'STOP' }
    expect(messageOf(decode([{ candidates: [null, 'x', other, first] } as never])).content).toEqual([text('a')])
  })
})

describe('usage', () => {
  const counts = (usageMetadata: UsageMetadata) => ({ usageMetadata })

  it.each<readonly [string, UsageMetadata, object]>([
    [
      'output includes thoughts',
      { promptTokenCount: 9, candidatesTokenCount: 3, thoughtsTokenCount: 4 },
      { input_tokens: 9, output_tokens: 7, output_tokens_details: { thinking_tokens: 4 } },
    ],
    ['thoughts alone are output, too', { thoughtsTokenCount: 4 }, { output_tokens: 4 }],
    [
      'the cache is not counted twice',
      { promptTokenCount: 100, cachedContentTokenCount: 60, candidatesTokenCount: 1 },
      { input_tokens: 40, cache_read_input_tokens: 60 },
    ],
    [
      'tools of the server add to the prompt',
      { promptTokenCount: 10, toolUsePromptTokenCount: 5, candidatesTokenCount: 1 },
      { input_tokens: 15 },
    ],
    [
      'nothing is negative',
      { promptTokenCount: 1, cachedContentTokenCount: 9, candidatesTokenCount: 1 },
      { input_tokens: 0 },
    ],
  ])('rule 147: %s', (_what, usage, expected) => {
    for (const rest of [counts(usage)]) {
      expect(messageOf(decode([chunk([{ text: 'a' }]), chunk([], 'STOP', rest)])).usage).toMatchObject(expected)
      expect(wholeAnswer([{ text: 'a' }], 'STOP', rest).usage).toMatchObject(expected)
    }
  })

  it('rule 147: reason and usage of a last event without text are reported', () => {
    const events = decode([
      chunk([{ text: 'a' }], undefined, counts({ promptTokenCount: 9, thoughtsTokenCount: 2 })),
      {
        candidates: [{ finishReason: 'MAX_TOKENS', index: 0 }],
        ...counts({ promptTokenCount: 12, candidatesTokenCount: 3 }),
      },
    ])
    expect(events[0]).toMatchObject({ message: { usage: { input_tokens: 9 } } })
    expect(messageOf(events)).toMatchObject({
      stop_reason: 'max_tokens',
      usage: { input_tokens: 12, output_tokens: 5 },
    })
  })

  it('rules 97, 114, 147: a reason beside the text, and usage behind it, are reported', () => {
    const message = messageOf(
      decode([chunk([{ text: 'a' }], 'STOP'), counts({ promptTokenCount: 3, candidatesTokenCount: 2 })]),
    )
    expect(message.usage).toMatchObject({ input_tokens: 3, output_tokens: 2 })
  })

  it('rule 100: is estimated where nobody counts', () => {
    const attempt = fakeAttempt({ messages: [{ role: 'user', content: 'x'.repeat(400) }] })
    const events = decode([chunk([{ text: 'a'.repeat(40) }], 'STOP', counts({ trafficType: 'ON_DEMAND' }))], attempt)
    const estimated = estimateInput(attempt.exchange.request)
    expect(estimated).toBeGreaterThanOrEqual(100)
    expect(events[0]).toMatchObject({ message: { usage: { input_tokens: estimated } } })
    expect(events.at(-2)).toMatchObject({ usage: { output_tokens: 10 } })
    expect(events.at(-2)).not.toHaveProperty('usage.input_tokens')
  })
})

describe('arguments that come in pieces', () => {
  const going = (functionCall: object, rest: object = {}): GeminiEvent => chunk([{ functionCall, ...rest }])
  const piece = (jsonPath: string, value: object, willContinue = true): GeminiEvent =>
    going({ partialArgs: [{ jsonPath, ...value }], ...(willContinue && { willContinue }) })

  it('are put together, the call follows its signature', () => {
    const events = decode([
      going({ name: 'f', willContinue: true }, { thoughtSignature: 'S' }),
      piece('$.a.list[0].t', { stringValue: 'x', willContinue: true }),
      piece('$.a.list[0].t', { stringValue: 'y', willContinue: true }),
      piece('$.a.list[0].t', { stringValue: '' }),
      piece('$.a.list[1]', { numberValue: 1.5 }),
      piece(`$['b c']["d\\"e"]`, { boolValue: false }),
      piece('$.n', { nullValue: 'NULL_VALUE' }),
      going({ willContinue: true }),
      going({}),
      chunk([{ text: '' }], 'STOP'),
    ])
    expect(faultsOf(events)).toEqual([])
    expect(messageOf(events)).toMatchObject({
      content: [
        thought('', { on: 'call', signature: 'S' }),
        tool('toolu_2', 'f', { a: { list: [{ t: 'xy' }, 1.5] }, 'b c': { 'd"e': false }, n: null }),
      ],
      stop_reason: 'tool_use',
    })
  })

  it('end with the last piece, too', () => {
    const events = [
      going({ name: 'f', willContinue: true }),
      piece('$.a', { stringValue: 'x' }, false),
      going({ name: 'g', args: {} }),
    ]
    expect(messageOf(decode([...events, chunk([], 'STOP')])).content).toEqual([
      tool('toolu_2', 'f', { a: 'x' }),
      tool('toolu_3', 'g'),
    ])
  })

  it('a string that is set again is another one', () => {
    const events = [
      going({ name: 'f', willContinue: true }),
      piece('$.a', { stringValue: 'x' }),
      piece('$.a', { stringValue: 'y' }, false),
    ]
    expect(messageOf(decode([...events, chunk([], 'STOP')])).content).toEqual([tool('toolu_2', 'f', { a: 'y' })])
  })

  it('never change what all objects share', () => {
    const events = [going({ name: 'f', willContinue: true }), piece('$.__proto__.polluted', { boolValue: true }, false)]
    const decoded = decode([...events, chunk([], 'STOP')])
    expect(decoded).toContainEqual(
      expect.objectContaining({ delta: { type: 'input_json_delta', partial_json: '{"__proto__":{"polluted":true}}' } }),
    )
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it.each(['', '$', 'a', '$.a[2]', '$[0]', '$.a..b', '$.a[x]', '$.a[99999999999]', '$.a.b.c'])(
    'with the path %j are refused',
    (path) => {
      const events = [
        going({ name: 'f', willContinue: true }),
        piece('$.a.b', { numberValue: 1 }),
        piece(path, { numberValue: 1 }, false),
      ]
      expect(run([...events, chunk([], 'STOP')]).fault).toMatchObject({ code: 'CCR_STREAM_INVALID' })
    },
  )

  it('rule 110: that are not complete are no call: left out at the token limit, otherwise the answer failed', () => {
    const open = [chunk([{ text: 'a' }]), going({ name: 'f', willContinue: true }), piece('$.a', { stringValue: 'x' })]
    expect(messageOf(decode([...open, chunk([], 'MAX_TOKENS')]))).toMatchObject({
      content: [text('a')],
      stop_reason: 'max_tokens',
    })
    expect(run([...open, chunk([], 'STOP')]).fault).toMatchObject({ code: 'CCR_STREAM_INVALID' })
    expect(run([...open, going({ name: 'g' })]).fault).toMatchObject({ code: 'CCR_STREAM_INVALID' })
    expect(run(open).fault).toMatchObject({ code: 'CCR_STREAM_ENDED' })
  })

  it('of nobody are refused', () => {
    expect(run([piece('$.a', { stringValue: 'x' })]).fault).toMatchObject({ code: 'CCR_STREAM_INVALID' })
    expect(messageOf(decode([going({}), chunk([{ text: 'a' }], 'STOP')])).content).toEqual([text('a')])
  })
})

describe('a search of the model', () => {
  it('rule 112: becomes one search with all results, and citations of the text', () => {
    const web = (uri: string, title?: string): object => ({ web: { uri, title } })
    const support = { segment: { text: 'It rains.' }, groundingChunkIndices: [1] }
    const first = { webSearchQueries: ['weather'], groundingChunks: [web('https://a'), web('https://b', 'B')] }
    const message = messageOf(
      decode([
        chunk([{ text: 'It rains.' }], undefined),
        { candidates: [{ groundingMetadata: first }] },
        { candidates: [{ groundingMetadata: { ...first, groundingSupports: [support] }, finishReason: 'STOP' }] },
      ]),
    )
    const opaque = expect.stringMatching(/^~ccr-reasoning\.gemini\./) as string
    const cited = (url: string, title: string, cited_text: string): object => ({
      type: 'web_search_result_location',
      url,
      title,
      cited_text,
      encrypted_index: opaque,
    })
    const found = (url: string, title: string): object => ({
      type: 'web_search_result',
      url,
      title,
      encrypted_content: opaque,
      page_age: null,
    })
    expect(message.content).toEqual([
      { ...text('It rains.'), citations: [cited('https://a', 'https://a', ''), cited('https://b', 'B', 'It rains.')] },
      { type: 'server_tool_use', id: 'srvtoolu_2', name: 'web_search', input: { query: 'weather' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_2',
        content: [found('https://a', 'https://a'), found('https://b', 'B')],
      },
    ])
  })
})

describe('what an answer said is replayed', () => {
  const THIRD = 'gemini-3-pro-preview'

  it.each<readonly [string, readonly object[]]>([
    ['a signed call', [call('f', { a: 1 }, { thoughtSignature: 'S' })]],
    ['parallel calls', [call('f', {}, { thoughtSignature: 'S' }), call('g')]],
    ['a thought and a signed call', [{ text: 'hm', thought: true }, call('f', {}, { thoughtSignature: 'S' })]],
    [
      'a signed thought, a text and a signed call',
      [{ text: 'hm', thought: true, thoughtSignature: 'S1' }, { text: 'a' }, call('f', {}, { thoughtSignature: 'S2' })],
    ],
    ['a signed text', [{ text: 'a', thoughtSignature: 'S' }]],
    ['a signed image', [{ inlineData: { mimeType: 'image/png', data: 'AA' }, thoughtSignature: 'S' }]],
    ['a signature behind the text', [{ text: 'a' }, { text: '', thoughtSignature: 'S' }]],
    [
      'a signature behind a text that follows another and a thought',
      [{ text: 'a' }, { text: 'hm', thought: true }, { text: 'b' }, { text: '', thoughtSignature: 'S' }],
    ],
    [
      'a signature behind a text that follows another and an image',
      [
        { text: 'a' },
        { inlineData: { mimeType: 'image/png', data: 'AA' } },
        { text: 'b' },
        { text: '', thoughtSignature: 'S' },
      ],
    ],
    [
      'a signature between text and call',
      [{ text: 'a' }, { text: '', thoughtSignature: 'S1' }, call('f', {}, { thoughtSignature: 'S2' })],
    ],
    [
      'code that ran',
      [
        { executableCode: { language: 'PYTHON', code: '1' } },
        { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1' } },
        { text: 'a' },
      ],
    ],
  ])('rule 142: %s, part by part', (_what, parts) => {
    const asked = { role: 'user', content: 'q' } as const
    const attempt = fakeAttempt()
    const fresh = createTarget(new TrailingSignatures())
    encode({ messages: [asked] }, { attempt, with: fresh })
    const message = messageOf(decode([...parts.map((part) => chunk([part])), chunk([], 'STOP')], attempt, fresh))
    const [, turn] = contentsOf([asked, replayed(message)], { model: THIRD, with: fresh })
    const withIds = parts.map((part) => {
      const { functionCall } = part as { functionCall?: { name: string } }
      const block = message.content.find(
        ({ type, ...rest }) => type === 'tool_use' && (rest as { name?: string }).name === functionCall?.name,
      )
      return functionCall ? { ...part, functionCall: { id: (block as { id: string }).id, ...functionCall } } : part
    })
    expect(turn).toEqual({ role: 'model', parts: withIds })
  })

  it('rule 142: a signature behind the text of one conversation is none of another', () => {
    const attempt = fakeAttempt()
    const first = { role: 'user', content: 'first' } as const
    encode({ messages: [first] }, { attempt })
    const message = messageOf(
      decode([chunk([{ text: 'Done.' }]), chunk([{ text: '', thoughtSignature: 'S' }], 'STOP')], attempt),
    )
    const marked = {
      role: 'user',
      content: [{ type: 'text', text: 'q', cache_control: { type: 'ephemeral' } }],
    } as const
    const last = (messages: Parameters<typeof contentsOf>[0]): unknown => contentsOf(messages).at(-1)!.parts
    expect(last([first, replayed(message)])).toEqual([{ text: 'Done.' }, { text: '', thoughtSignature: 'S' }])
    expect(last([marked, replayed(message)])).toEqual([{ text: 'Done.' }])
  })

  it('rule 142: after a restart, too, but for the one behind the last text, without which the API does as well', () => {
    const restarted = createTarget(new TrailingSignatures())
    const turn = (parts: readonly object[]): unknown =>
      contentsOf([{ role: 'user', content: 'q' }, replayed(answer(parts))], { model: THIRD, with: restarted })[1]?.parts
    expect(turn([call('f', {}, { thoughtSignature: 'S' })])).toMatchObject([{ thoughtSignature: 'S' }])
    expect(turn([{ text: 'behind a restart' }, { text: '', thoughtSignature: 'S' }])).toEqual([
      { text: 'behind a restart' },
    ])
  })

  it('rule 65: names of tools are mapped there and back', () => {
    const name = 'tool mit Umlaut ü und viel zu lang'.repeat(3)
    const attempt = fakeAttempt()
    const body = encode({ tools: [{ name }], messages: [{ role: 'user', content: 'q' }] }, { attempt })
    const [{ functionDeclarations }] = body.tools as unknown as readonly [{ functionDeclarations: { name: string }[] }]
    const wire = functionDeclarations[0]!.name
    expect(wire).toMatch(/^[A-Za-z_][\w.:-]{0,63}$/)
    expect(messageOf(decode([chunk([call(wire)], 'STOP')], attempt)).content).toMatchObject([
      { type: 'tool_use', name },
    ])
  })
})

describe('what an answer is not', () => {
  it.each<readonly [string, readonly GeminiEvent[], string]>([
    ['rule 101: without a finish reason', [chunk([{ text: 'a' }])], 'CCR_STREAM_ENDED'],
    ['rule 105: nothing at all', [], 'CCR_STREAM_ENDED'],
    [
      'rule 103: an error at the end',
      [chunk([{ text: 'a' }]), { error: { code: 503, message: 'overloaded', status: 'UNAVAILABLE' } }],
      'CCR_STREAM_ERROR',
    ],
    ['rule 104: an error at once', [{ error: { message: 'm' } }], 'CCR_STREAM_ERROR'],
  ])('%s', (_what, events, code) => {
    const { events: out, fault } = run(events)
    expect(fault).toMatchObject({ code })
    expect(faultsOf(out, false)).toEqual([])
  })

  it('rule 77: an error in a whole answer, also in a list', () => {
    const error = { error: { code: 429, message: 'slow down', status: 'RESOURCE_EXHAUSTED' } }
    for (const body of [error, [error], [chunk([{ text: 'a' }]), error]]) {
      const { fault } = run(target.explode(body, fakeAttempt()))
      expect((fault as { cause: UpstreamError }).cause).toEqual({ message: 'slow down', type: 'rate_limit_error' })
    }
  })

  it.each([[null], ['x'], [7], [[]], [[null]], [{}], [{ choices: [] }]])('%j is no answer', (body) => {
    expect(() => target.explode(body, fakeAttempt())).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
  })

  it('keeps nothing between answers', () => {
    const blocks = (): readonly ContentBlock[] => answer([{ text: 'a' }, call('f')]).content
    expect(blocks()).toEqual(blocks())
  })
})
