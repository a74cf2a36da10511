import fc from 'fast-check'
import { messageEvents, type CanonicalMessage, type CanonicalRequest, type ContentBlock, type Message } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { decode, decodeRequest, encode, messageOf } from '../test/harness.ts'
import { faultsOf } from '../test/validate.ts'
import { client } from './client.ts'
import { toAnswer } from './client-answer.ts'
import { sign } from './signatures.ts'
import { createTarget } from './target.ts'
import { TrailingSignatures } from './trailing-signatures.ts'
import type { GeminiEvent } from './wire.ts'

const numRuns = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)
const timeout = 30_000 + numRuns * 30

const words = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
const text = words.map((value): ContentBlock => ({ type: 'text', text: value }))
const image = fc
  .base64String({ minLength: 4, maxLength: 12 })
  .map((data): ContentBlock => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }))
const input = fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 })
const result = fc.record({
  content: fc.oneof(words, fc.array(fc.oneof(text, image), { minLength: 1, maxLength: 3 })),
  isError: fc.boolean(),
})

interface Step {
  readonly said: readonly ContentBlock[]
  readonly calls: readonly {
    readonly name: string
    readonly input: object
    readonly answer: { content: unknown; isError: boolean }
  }[]
  readonly asks: readonly ContentBlock[]
}

const step: fc.Arbitrary<Step> = fc.record({
  said: fc.array(text, { maxLength: 2 }),
  calls: fc.array(fc.record({ name: fc.constantFrom('read', 'mcp__a__b'), input, answer: result }), { maxLength: 3 }),
  asks: fc.array(fc.oneof(text, image), { minLength: 1, maxLength: 3 }),
})

/** A history as Claude Code builds it: results first, in the order of their calls. */
const history = fc
  .tuple(fc.array(fc.oneof(text, image), { minLength: 1, maxLength: 2 }), fc.array(step, { maxLength: 4 }))
  .map(([first, steps]): readonly Message[] => {
    let count = 0
    return [
      { role: 'user', content: first },
      ...steps.flatMap(({ said, calls, asks }): Message[] => {
        const used = calls.map((call) => ({ ...call, id: `toolu_${++count}` }))
        const uses = used.map(({ id, name, input: given }): ContentBlock => ({
          type: 'tool_use',
          id,
          name,
          input: given,
        }))
        const results = used.map(({ id, answer: { content, isError } }) => ({
          type: 'tool_result',
          tool_use_id: id,
          content,
          ...(isError && { is_error: true }),
        }))
        const turn = [...said, ...uses]
        if (turn.length === 0) return [{ role: 'user', content: asks }]
        return [
          { role: 'assistant', content: turn },
          { role: 'user', content: [...(results as ContentBlock[]), ...asks] },
        ]
      }),
    ]
  })

/** All blocks in order, with their roles; neighbouring texts of one role are one. */
function flat(messages: readonly Message[]): readonly object[] {
  const out: Record<string, unknown>[] = []
  for (const { role, content } of messages) {
    const blocks: readonly ContentBlock[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content
    for (const block of blocks as readonly Record<string, unknown>[]) {
      const last = out.at(-1)
      if (block['type'] === 'thinking') continue
      if (block['type'] === 'text' && last?.['type'] === 'text' && last['role'] === role)
        last['text'] = `${last['text'] as string}${block['text'] as string}`
      else if (block['type'] === 'tool_result') out.push({ ...block, role, content: flatResult(block['content']) })
      else out.push({ ...block, role })
    }
  }
  return JSON.parse(JSON.stringify(out)) as object[]
}

/** The text of a result, then its images; a text behind an image is on a line of its own. */
function flatResult(content: unknown): readonly unknown[] {
  if (typeof content === 'string') return [content]
  const blocks = content as readonly { type: string; text: string; source?: unknown }[]
  const said = blocks.reduce((before, { type, text: more }, at) => {
    if (type !== 'text') return before
    return before + (before !== '' && blocks[at - 1]!.type === 'image' ? '\n' : '') + more
  }, '')
  return [said, ...blocks.filter(({ type }) => type === 'image').map(({ source }) => source)]
}

describe('from the canonical form and back', () => {
  it('a history keeps its texts, ids, order, images and pairs of calls and results', { timeout }, () => {
    fc.assert(
      fc.property(history, fc.option(words, { nil: undefined }), (messages, system) => {
        const body = encode({ messages, ...(system !== undefined && { system }) }, { model: 'gemini-3-pro-preview' })
        const back = decodeRequest(body)
        expect(back.system).toBe(system)
        expect(flat(back.messages)).toEqual(flat(messages))
      }),
      { numRuns },
    )
  })

  const block = fc.oneof(
    text,
    words.map((thinking): ContentBlock => ({ type: 'thinking', thinking, signature: 'EqQB' })),
    fc
      .record({ name: fc.constantFrom('read', 'write'), input })
      .map(({ name, input: given }): ContentBlock => ({ type: 'tool_use', id: '', name, input: given })),
  )

  it('an answer keeps its texts, thoughts, calls, reason and usage, streamed and whole', { timeout }, () => {
    fc.assert(
      fc.property(
        fc.array(block, { maxLength: 6 }),
        fc.constantFrom('max_tokens', 'refusal', 'end_turn'),
        (blocks, reason) => {
          const content = blocks.map((one, at) => (one.type === 'tool_use' ? { ...one, id: `toolu_${at}` } : one))
          const hasCalls = content.some(({ type }) => type === 'tool_use')
          const message: CanonicalMessage = {
            id: 'msg_1',
            type: 'message',
            role: 'assistant',
            model: 'asked',
            content,
            stop_reason: reason === 'end_turn' && hasCalls ? 'tool_use' : reason,
            stop_sequence: null,
            usage: {
              input_tokens: 7,
              cache_read_input_tokens: 3,
              output_tokens: 9,
              output_tokens_details: { thinking_tokens: 2 },
            },
          }
          for (const events of [[toAnswer(message) as GeminiEvent], streamed(message)]) {
            const back = decode(events)
            expect(faultsOf(back)).toEqual([])
            const { content: blocksBack, stop_reason, usage } = messageOf(back)
            expect(stop_reason).toBe(message.stop_reason)
            expect(usage).toMatchObject(message.usage)
            expect(flat([{ role: 'assistant', content: blocksBack }])).toEqual(flat([{ role: 'assistant', content }]))
            const thoughts = (list: readonly ContentBlock[]): string =>
              list.map((one) => (one.type === 'thinking' ? (one as { thinking: string }).thinking : '')).join('')
            expect(thoughts(blocksBack)).toBe(thoughts(content))
          }
        },
      ),
      { numRuns },
    )
  })

  function streamed(message: CanonicalMessage): GeminiEvent[] {
    const encoder = client.encoder({ request: { model: 'asked', messages: [] } } as never)
    return messageEvents(message)
      .map((event) => encoder.events([event]))
      .filter((frame) => frame !== '')
      .map((frame) => JSON.parse(frame.slice('data: '.length)) as GeminiEvent)
  }
})

describe('from this API to the canonical form and back', () => {
  it.each<readonly [string, object]>([
    [
      'signatures of calls, texts, thoughts and parts without text',
      {
        contents: [
          { role: 'user', parts: [{ text: 'q' }] },
          {
            role: 'model',
            parts: [
              { text: 'hm', thought: true, thoughtSignature: 'UzE=' },
              { text: 'a', thoughtSignature: 'UzI=' },
              { text: '', thoughtSignature: 'UzM=' },
              { functionCall: { id: 'a', name: 'f', args: {} }, thoughtSignature: 'UzQ=' },
              { functionCall: { id: 'b', name: 'g', args: { x: [1] } } },
            ],
          },
          {
            role: 'user',
            parts: [
              { functionResponse: { id: 'a', name: 'f', response: { output: '1' } } },
              { functionResponse: { id: 'b', name: 'g', response: { error: '2' } } },
            ],
          },
        ],
      },
    ],
    [
      'media and parts of other kinds',
      {
        contents: [
          {
            role: 'user',
            parts: [
              { inlineData: { mimeType: 'audio/wav', data: 'AA==' } },
              { fileData: { mimeType: 'application/pdf', fileUri: 'https://e.org/a' } },
              { fileData: { mimeType: 'image/png', fileUri: 'https://e.org/a.png' } },
              { videoMetadata: { fps: 1 } },
            ],
          },
          {
            role: 'model',
            parts: [
              { executableCode: { language: 'PYTHON', code: '1' } },
              { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1' } },
            ],
          },
          { role: 'user', parts: [{ text: 'on' }] },
        ],
      },
    ],
    [
      'settings that only this API knows',
      {
        contents: [{ role: 'user', parts: [{ text: 'q' }] }],
        safetySettings: [{ category: 'C', threshold: 'BLOCK_NONE' }],
        cachedContent: 'cachedContents/1',
        labels: { a: 'b' },
        generationConfig: { maxOutputTokens: 5, seed: 1, responseMimeType: 'text/x.enum', candidateCount: 1 },
        tools: [
          { functionDeclarations: [{ name: 'f', description: 'd' }] },
          { googleSearch: { timeRangeFilter: {} } },
          { urlContext: {} },
        ],
        toolConfig: {
          functionCallingConfig: { mode: 'VALIDATED', allowedFunctionNames: ['f', 'g'] },
          retrievalConfig: { languageCode: 'de' },
        },
      },
    ],
    [
      'a search alone, and a schema of the answer',
      {
        contents: [{ role: 'user', parts: [{ text: 'q' }] }],
        tools: [{ googleSearch: {} }],
        generationConfig: {
          responseMimeType: 'application/json',
          responseSchema: { type: 'object', properties: { a: { type: 'string', nullable: true } } },
        },
      },
    ],
  ])('%s survive', (_what, body) => {
    const request = decodeRequest(body)
    expect(encode(request, { model: 'gemini-3-pro-preview', with: createTarget(new TrailingSignatures()) })).toEqual(
      body,
    )
  })

  it('levels and budgets of thinking survive, too', () => {
    const config = (thinkingConfig: object): unknown => {
      const request = decodeRequest({ contents: 'q', generationConfig: { thinkingConfig } })
      return [
        (encode(request, { model: 'gemini-2.5-flash' }).generationConfig ?? {})['thinkingConfig'],
        (encode(request, { model: 'gemini-3-pro-preview' }).generationConfig ?? {})['thinkingConfig'],
      ]
    }
    expect(config({ thinkingBudget: 0 })).toEqual([
      { thinkingBudget: 0, includeThoughts: false },
      { thinkingLevel: 'LOW', includeThoughts: false },
    ])
    expect(config({ thinkingBudget: 2000, includeThoughts: true })).toEqual([
      { thinkingBudget: 2000, includeThoughts: true },
      { thinkingLevel: 'MEDIUM', includeThoughts: true },
    ])
    expect(config({ thinkingLevel: 'HIGH' })).toEqual([
      { thinkingBudget: 24_576, includeThoughts: false },
      { thinkingLevel: 'HIGH', includeThoughts: false },
    ])
    expect(config({ includeThoughts: true })).toEqual([
      { thinkingBudget: -1, includeThoughts: true },
      { includeThoughts: true },
    ])
    expect(config({ thinkingBudget: -1 })).toEqual([
      { thinkingBudget: -1, includeThoughts: false },
      { includeThoughts: false },
    ])
    expect(config({})).toEqual([undefined, undefined])
  })

  it('reasoning of this API is shown to no other vendor as its own', () => {
    const { messages } = decodeRequest({ contents: [{ role: 'model', parts: [{ text: 'hm', thought: true }] }] })
    const [{ signature }] = messages[0]!.content as unknown as readonly [{ signature: string }]
    expect(signature).toBe(sign({ signatures: [] }))
    expect(signature).toMatch(/^~ccr-reasoning\.gemini\./)
  })

  it('schemas of parameters become JSON Schema', () => {
    const parameters = {
      type: 'OBJECT',
      properties: {
        type: { type: 'STRING', nullable: true },
        list: { type: 'ARRAY', items: { type: 'INTEGER' }, minItems: '1' },
      },
      required: ['type'],
    }
    const request: CanonicalRequest = decodeRequest({
      contents: 'q',
      tools: [{ functionDeclarations: [{ name: 'f', parameters }] }],
    })
    expect(request.tools).toEqual([
      {
        name: 'f',
        input_schema: {
          type: 'object',
          properties: {
            type: { type: ['string', 'null'] },
            list: { type: 'array', items: { type: 'integer' }, minItems: 1 },
          },
          required: ['type'],
        },
      },
    ])
  })
})
