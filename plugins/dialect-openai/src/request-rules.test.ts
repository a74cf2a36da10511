import fc from 'fast-check'
import type { CanonicalRequest, ContentBlock, Tool } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import {
  byRule,
  chunk,
  decode,
  DONE,
  encode,
  encodeWith,
  fakeAttempt,
  messageOf,
  RUNS,
  target,
} from '../test/harness.ts'

type Messages = CanonicalRequest['messages']
const user = (...content: readonly ContentBlock[]): Messages[number] => ({ role: 'user', content })
const assistant = (...content: readonly ContentBlock[]): Messages[number] => ({ role: 'assistant', content })
const call = (id: string, name = 'f', input: unknown = {}): ContentBlock => ({ type: 'tool_use', id, name, input })
const result = (id: string, content?: unknown, rest: object = {}): ContentBlock =>
  ({ type: 'tool_result', tool_use_id: id, content, ...rest }) as ContentBlock

const named = (name: string, rest: Partial<Tool> = {}): Tool => ({
  name,
  input_schema: { type: 'object', properties: { a: {} } },
  ...rest,
})

const FIELDS: readonly { readonly rule: string; readonly request: Partial<CanonicalRequest>; readonly sent: object }[] =
  [
    {
      rule: 'rule 33: string system',
      request: { system: 's' },
      sent: {
        messages: [
          { role: 'system', content: 's' },
          { role: 'user', content: 'hi' },
        ],
      },
    },
    {
      rule: 'rule 34: system blocks become one message, without the billing block',
      request: {
        system: [
          { type: 'text', text: 'x-anthropic-billing-header: cc_version=1;' },
          { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
          { type: 'text', text: 'b' },
        ],
      },
      sent: {
        messages: [
          { role: 'system', content: 'a\n\nb' },
          { role: 'user', content: 'hi' },
        ],
      },
    },
    {
      rule: 'rule 55: tools keep name, description and schema',
      request: {
        tools: [
          named('f', { description: 'd', cache_control: { type: 'ephemeral' }, defer_loading: true }),
          { name: 'g' },
        ],
      },
      sent: {
        tools: [
          {
            type: 'function',
            function: { name: 'f', description: 'd', parameters: { type: 'object', properties: { a: {} } } },
          },
          {
            type: 'function',
            function: { name: 'g', description: '', parameters: { type: 'object', properties: {} } },
          },
        ],
      },
    },
    {
      rule: 'rule 55: an object schema without properties gets them',
      request: { tools: [named('f', { input_schema: { type: 'object' } })] },
      sent: {
        tools: [
          {
            type: 'function',
            function: { name: 'f', description: '', parameters: { type: 'object', properties: {} } },
          },
        ],
      },
    },
    {
      rule: 'rule 55: a schema does not say which draft it follows',
      request: { tools: [named('f', { input_schema: { $schema: 'https://json-schema.org', type: 'object' } })] },
      sent: {
        tools: [
          {
            type: 'function',
            function: { name: 'f', description: '', parameters: { type: 'object', properties: {} } },
          },
        ],
      },
    },
    {
      rule: 'rule 57: tool choice auto',
      request: { tools: [named('f')], tool_choice: { type: 'auto' } },
      sent: { tool_choice: 'auto' },
    },
    {
      rule: 'rule 57: tool choice none',
      request: { tools: [named('f')], tool_choice: { type: 'none' } },
      sent: { tool_choice: 'none' },
    },
    {
      rule: 'rule 57: tool choice any',
      request: { tools: [named('f')], tool_choice: { type: 'any' } },
      sent: { tool_choice: 'required' },
    },
    {
      rule: 'rule 57: tool choice by name',
      request: { tools: [named('f')], tool_choice: { type: 'tool', name: 'f' } },
      sent: { tool_choice: { type: 'function', function: { name: 'f' } } },
    },
    {
      rule: 'rule 58: no parallel calls',
      request: { tools: [named('f')], tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
      sent: { parallel_tool_calls: false },
    },
    {
      rule: 'rule 59: sampling',
      request: { stop_sequences: ['x'], top_p: 0.5, temperature: 0, max_tokens: 7 },
      sent: { stop: ['x'], top_p: 0.5, temperature: 0, max_tokens: 7 },
    },
    {
      rule: 'rule 59: stop sequences that say nothing are refused by some servers',
      request: { stop_sequences: ['', 'x', ' '] },
      sent: { stop: ['x', ' '] },
    },
    { rule: 'rule 59: and no list is sent where none is left', request: { stop_sequences: [''] }, sent: {} },
    ...(
      [
        [1024, 'low'],
        [1025, 'medium'],
        [8192, 'medium'],
        [8193, 'high'],
      ] as const
    ).map(([budget_tokens, reasoning_effort]) => ({
      rule: `rule 60: a budget of ${budget_tokens} is ${reasoning_effort}`,
      request: { thinking: { type: 'enabled', budget_tokens } as const },
      sent: { reasoning_effort },
    })),
    {
      rule: 'rule 62: adaptive thinking takes its effort',
      request: { thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } },
      sent: { reasoning_effort: 'xhigh' },
    },
    {
      rule: 'rule 63: a stream asks for usage',
      request: {},
      sent: { stream: true, stream_options: { include_usage: true } },
    },
    {
      rule: 'rule 59: a schema for the answer',
      request: { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
      sent: { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' } } } },
    },
  ]

const ABSENT: readonly {
  readonly rule: string
  readonly request: Partial<CanonicalRequest>
  readonly keys: readonly string[]
}[] = [
  {
    rule: 'rule 56: server tools and the deferred placeholder',
    request: {
      tools: [
        { type: 'web_search_20250305', name: 'web_search' },
        named('DeferredToolPlaceholder', { defer_loading: true }),
      ],
      tool_choice: { type: 'auto' },
    },
    keys: ['tools', 'tool_choice'],
  },
  {
    rule: 'rule 57: a choice of a tool that was removed',
    request: {
      tools: [named('f'), { type: 'web_search_20250305', name: 'web_search' }],
      tool_choice: { type: 'tool', name: 'web_search' },
    },
    keys: ['tool_choice'],
  },
  {
    rule: 'rule 60: a budget of 0',
    request: { thinking: { type: 'enabled', budget_tokens: 0 } },
    keys: ['reasoning_effort'],
  },
  {
    rule: 'rule 61: disabled thinking',
    request: { thinking: { type: 'disabled' }, output_config: { effort: 'high' } },
    keys: ['reasoning_effort', 'thinking', 'reasoning'],
  },
  {
    rule: 'rule 62: adaptive thinking without effort',
    request: { thinking: { type: 'adaptive' } },
    keys: ['reasoning_effort'],
  },
]

describe('rules of the other fields', () => {
  it('rule 34, rule 53: what is stripped is there for patches until then', () => {
    const cache_control = { type: 'ephemeral' } as const
    const thinking = { type: 'thinking', thinking: 't', signature: 'EqQB' }
    const request: CanonicalRequest = {
      model: 'asked',
      system: [{ type: 'text', text: 's', cache_control }],
      messages: [{ role: 'assistant', content: [thinking, { type: 'text', text: 'a' }] }],
    }
    const outbound = { dialect: 'canonical', baseUrl: 'http://h', model: 'm', stream: true, body: request, headers: {} }
    const body = target.encode(request, outbound, fakeAttempt())
    expect(body.ccr_request?.system).toEqual(request.system)
    expect(body.ccr_request?.messages).toEqual(request.messages)
    expect(JSON.stringify(target.strip!(body))).not.toMatch(/cache_control|EqQB/)
  })

  it.each(byRule(FIELDS))('%s', (_rule, { request, sent }) => {
    expect(encode(request)).toMatchObject(sent)
  })

  it.each(byRule(ABSENT))('%s: left out', (_rule, { request, keys }) => {
    const body = encode(request)
    for (const key of keys) expect(body).not.toHaveProperty(key)
  })

  it('rule 63: an answer that is not streamed asks for no stream options', () => {
    expect(encode({}, { stream: false })).not.toHaveProperty('stream_options')
  })

  it('rule 64: nothing that only the canonical form knows leaves', () => {
    const body = encode({
      metadata: { user_id: 'u' },
      thinking: { type: 'adaptive' },
      context_management: { edits: [] },
      top_k: 3,
      cache_control: { type: 'ephemeral' },
      messages: [
        {
          role: 'user',
          content: [{ type: 'text', text: 't', cache_control: { type: 'ephemeral' } }],
          output_config: { effort: 'low' },
        },
      ],
    })
    expect(body).toEqual({
      model: 'real',
      messages: [{ role: 'user', content: 't' }],
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  it('rule 65: any set of tool names goes out acceptable and comes back as it was', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ maxLength: 90, unit: 'grapheme' }), { minLength: 1, maxLength: 8 }),
        (names) => {
          const attempt = fakeAttempt()
          const sent = encodeWith(target, { tools: names.map((name) => named(name)) }, attempt).tools!.map(
            (tool) => tool.function.name,
          )
          expect(sent.every((name) => /^[a-zA-Z0-9_-]{1,64}$/.test(name))).toBe(true)
          expect(new Set(sent).size).toBe(names.length)
          const calls = sent.map((name, index) => ({ index, function: { name, arguments: '{}' } }))
          const { content } = messageOf(decode([chunk({ tool_calls: calls }, 'tool_calls'), DONE], attempt))
          expect(content.map((block) => (block as { name?: unknown }).name)).toEqual(names)
        },
      ),
      { numRuns: Math.ceil(RUNS / 5) },
    )
  })

  it('rule 65: a renamed tool keeps its new name from turn to turn, in the history too', () => {
    const name = `mcp__server__${'x'.repeat(80)}`
    const turn = (): unknown =>
      encode({ tools: [named(name)], messages: [assistant(call('a', name)), user(result('a', ''))] })
    const body = turn() as {
      tools: { function: { name: string } }[]
      messages: { tool_calls?: { function: { name: string } }[] }[]
    }
    expect(body.messages[0]!.tool_calls![0]!.function.name).toBe(body.tools[0]!.function.name)
    expect(turn()).toEqual(body)
  })
})
