import anthropic from '@ccr/plugin-dialect-anthropic'
import gemini from '@ccr/plugin-dialect-gemini'
import openai from '@ccr/plugin-dialect-openai'
import responses from '@ccr/plugin-dialect-openai-responses'
import { createTestKernel, json, type TestKernel } from '@ccr/sdk/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TARGETS, wholeAnswer, type TargetName } from './answers.ts'
import { routeByHeader } from './route-by-header.ts'

const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
const named = { name: 'person', description: 'd', strict: true, schema }
const strictTool = { name: 'f', description: 'd', parameters: schema, strict: true }

let test: TestKernel
let sent: Readonly<Record<string, unknown>> = {}

beforeAll(async () => {
  test = await createTestKernel({
    plugins: [anthropic, openai, responses, gemini, routeByHeader],
    providers: TARGETS.map((dialect) => ({ name: dialect, dialect })),
    upstream: ({ url, body }) => {
      sent = JSON.parse(String(body)) as typeof sent
      const target = url.includes('generateContent') ? 'gemini' : url.includes('/responses') ? 'openai-responses' : ''
      const chat = url.includes('/chat/') ? 'openai' : 'anthropic'
      return json(wholeAnswer(target === '' ? chat : target, { text: '{}' }))
    },
  })
})

afterAll(() => test.dispose())

/** What a target is sent when a client of Chat Completions, or of Responses, asks for this. */
async function chat(target: TargetName, fields: object): Promise<typeof sent> {
  const body = { model: 'm', messages: [{ role: 'user', content: 'q' }], ...fields }
  return send('/v1/chat/completions', target, body)
}

async function response(target: TargetName, fields: object): Promise<typeof sent> {
  return send('/v1/responses', target, { model: 'm', input: 'q', ...fields })
}

async function send(path: string, target: TargetName, body: object): Promise<typeof sent> {
  const reply = await test.request({ path, body, headers: { 'x-target': target } })
  expect(reply.status).toBe(200)
  return sent
}

describe('the form of an answer is the same for targets of the other OpenAI protocol', () => {
  it('a named, strict schema', async () => {
    const format = { type: 'json_schema', ...named }
    const response_format = { type: 'json_schema', json_schema: named }
    expect(await chat('openai-responses', { response_format })).toMatchObject({ text: { format } })
    expect((await response('openai', { text: { format } }))['response_format']).toEqual(response_format)
  })

  it('a schema without a name, under one, which both want', async () => {
    const { name: _name, ...unnamed } = named
    const format = { ...unnamed, name: 'answer', type: 'json_schema' }
    const response_format = { type: 'json_schema', json_schema: unnamed }
    expect((await chat('openai-responses', { response_format }))['text']).toEqual({ format })
    const asked = await response('openai', { text: { format: { ...unnamed, type: 'json_schema' } } })
    expect(asked['response_format']).toEqual({ type: 'json_schema', json_schema: { ...unnamed, name: 'answer' } })
  })

  it('JSON without a schema', async () => {
    const format = { type: 'json_object' }
    expect((await chat('openai-responses', { response_format: format }))['text']).toEqual({ format })
    expect((await response('openai', { text: { format } }))['response_format']).toEqual(format)
  })

  it('text', async () => {
    const format = { type: 'text' }
    expect(await chat('openai-responses', { response_format: format })).not.toHaveProperty('text')
    expect(await response('openai', { text: { format } })).not.toHaveProperty('response_format')
  })

  it('and the arguments of a strict function', async () => {
    const wire = { type: 'function', ...strictTool }
    const tool = { type: 'function', function: strictTool }
    expect((await chat('openai-responses', { tools: [tool] }))['tools']).toEqual([wire])
    expect((await response('openai', { tools: [wire] }))['tools']).toEqual([tool])
  })
})

describe('JSON without a schema', () => {
  const format = { type: 'json_object' }
  const asks: readonly [string, (target: TargetName) => Promise<typeof sent>][] = [
    ['Chat Completions', (target) => chat(target, { response_format: format })],
    ['Responses', (target) => response(target, { text: { format } })],
  ]

  it.each(asks)('is asked of Gemini for a client of %s', async (_name, ask) => {
    expect((await ask('gemini'))['generationConfig']).toEqual({ responseMimeType: 'application/json' })
  })

  it.each(asks)('is nothing that Anthropic could be asked for a client of %s', async (_name, ask) => {
    expect(await ask('anthropic')).not.toHaveProperty('output_config')
  })

  it('is not asked of Gemini beside functions, which older models refuse', async () => {
    const tools = [{ type: 'function', function: strictTool }]
    expect(await chat('gemini', { response_format: format, tools })).not.toHaveProperty('generationConfig')
  })
})
