import type { CanonicalRequest, Message, Tool } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { captures } from '../test/captures.ts'
import { encode, encodeWith, fakeAttempt, target } from '../test/harness.ts'
import { createAdaptation } from './adapt.ts'
import { MESSAGE_FIELDS, REQUEST_FIELDS, TOOL_FIELDS } from './fields.ts'
import { createTarget } from './target.ts'

const tool: Tool = { name: 'f', description: 'd', input_schema: { type: 'object', properties: {} } }
const message: Message = { role: 'user', content: 'hi' }
const base: Partial<CanonicalRequest> = { messages: [message], tools: [tool], extra: { openai: {} } }

/** A value of every listed field, other than what the base holds. */
const REQUESTS: Readonly<Record<keyof typeof REQUEST_FIELDS, unknown>> = {
  model: 'other',
  messages: [{ role: 'user', content: 'other' }],
  system: 's',
  max_tokens: 7,
  stream: false,
  tools: [],
  tool_choice: { type: 'any' },
  thinking: { type: 'enabled', budget_tokens: 2000 },
  output_config: { format: { type: 'json_schema', schema: {} } },
  temperature: 0.5,
  top_p: 0.5,
  stop_sequences: ['x'],
  extra: { openai: { seed: 1 } },
  top_k: 3,
  metadata: { user_id: 'u' },
  user_profile_id: 'u',
  safeguards: [{ type: 'dangerous_tool_use', classifier_context: { live_cwd: 'secret' } }],
  cache_control: { type: 'ephemeral' },
  context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
  compaction: {},
  container: 'c',
  thread: {},
  workspace_id: 'w',
  mcp_servers: [{ type: 'url', url: 'https://e.org', name: 'n' }],
  betas: ['b'],
  diagnostics: {},
  output_format: { type: 'json_schema', schema: {} },
  service_tier: 'auto',
  speed: 'fast',
  inference_geo: 'eu',
  billing_policy: {},
  fallbacks: [],
  fallback_credit_token: 't',
}

const MESSAGES: Readonly<Record<keyof typeof MESSAGE_FIELDS, unknown>> = {
  role: 'assistant',
  content: 'other',
  output_config: { effort: 'low' },
}

const TOOLS: Readonly<Record<keyof typeof TOOL_FIELDS, unknown>> = {
  name: 'g',
  description: 'other',
  input_schema: { type: 'object', properties: { a: {} } },
  type: 'web_search_20250305',
  strict: true,
  cache_control: { type: 'ephemeral' },
  defer_loading: true,
  eager_input_streaming: true,
  allowed_callers: ['direct'],
  input_examples: [{}],
}

/** Model and stream stand on the outbound by then, so they are looked at there. */
const ELSEWHERE = new Set(['model', 'stream'])

function rows(rules: object, samples: Readonly<Record<string, unknown>>): (readonly [string, string, unknown])[] {
  return Object.entries(rules).map(([field, rule]) => [field, Object.keys(rule as object)[0]!, samples[field]])
}

describe('the capability list', () => {
  const plain = encode(base)

  it.each(rows(REQUEST_FIELDS, REQUESTS).filter(([field]) => !ELSEWHERE.has(field)))(
    'is true of the request field %s: %s',
    (field, rule, sample) => {
      const body = encode({ ...base, [field]: sample })
      if (rule === 'dropped') expect(body).toEqual(plain)
      else expect(body).not.toEqual(plain)
    },
  )

  it.each(rows(MESSAGE_FIELDS, MESSAGES))('is true of the message field %s: %s', (field, rule, sample) => {
    const body = encode({ ...base, messages: [{ ...message, [field]: sample }] })
    if (rule === 'dropped') expect(body).toEqual(plain)
    else expect(body).not.toEqual(plain)
  })

  it.each(rows(TOOL_FIELDS, TOOLS))('is true of the tool field %s: %s', (field, rule, sample) => {
    const body = encode({ ...base, tools: [{ ...tool, [field]: sample }] })
    if (rule === 'dropped') expect(body).toEqual(plain)
    else expect(body).not.toEqual(plain)
  })

  it('names every field of every captured request', () => {
    const unlisted = (fields: object, rules: object): string[] =>
      Object.keys(fields).filter((field) => !(field in rules))
    for (const { name, request } of captures()) {
      expect(unlisted(request, REQUEST_FIELDS), name).toEqual([])
      for (const one of request.messages) expect(unlisted(one, MESSAGE_FIELDS), name).toEqual([])
      for (const one of request.tools ?? [])
        if (!one.type || one.type === 'custom') expect(unlisted(one, TOOL_FIELDS), name).toEqual([])
    }
  })

  it('has a field that it does not name left out, which is said once', () => {
    const said: string[] = []
    const one = createTarget(createAdaptation(), (field) => void said.push(field))
    for (const request of [
      { ...base, novel: 1 },
      { ...base, novel: 2, newer: 3 },
    ])
      expect(encodeWith(one, request, fakeAttempt())).toEqual(plain)
    expect(said).toEqual(['novel', 'newer'])
  })

  it('is complete for the model and the kind of answer, which the route decides', () => {
    expect(encode({ model: 'asked' })).toMatchObject({ model: 'real', stream: true })
    expect(encodeWith(target, base, fakeAttempt(), false)).toMatchObject({ stream: false })
  })
})
