import { definePlugin, isCcrError, Type, type CanonicalRequest, type Target, type Tokenizer } from '@ccr/sdk'
import { createTestKernel, type TestKernel } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import plugin from './index.ts'

interface Asked {
  readonly url: string
  readonly headers: Headers
  readonly body: unknown
}

const kernels: TestKernel[] = []
afterEach(async () => void (await Promise.all(kernels.splice(0).map((kernel) => kernel.dispose()))))

/** A provider `hub` with one tokenizer, and an API that answers with `answer`. */
async function world(field: unknown, answer: () => Response | Promise<Response> = () => json({ token_count: 42 })) {
  const asked: Asked[] = []
  let contributed: readonly Tokenizer[] = []
  let warnings: readonly string[] = []
  const consumer = definePlugin({
    name: 'consumer',
    apiVersion: 1,
    description: 'Takes out what others contribute.',
    options: Type.Object({}, { additionalProperties: false }),
    requires: ['tokenizers[]', 'warnings[]'],
    activate(ctx) {
      contributed = ctx.get('tokenizers[]')
      warnings = ctx.get('warnings[]')
    },
  })
  const kernel = await createTestKernel({
    plugins: [plugin, consumer],
    sections: { Providers: [{ name: 'hub', tokenizer: field }, { name: 'none' }] },
    http: async (request) => {
      asked.push({ url: request.url, headers: request.headers, body: await request.json() })
      return answer()
    },
  })
  kernels.push(kernel)
  const tokenizerFor = (target: Target) => contributed.find((one) => one.matches(target))
  const count = async (request: CanonicalRequest, model = 'm'): Promise<number> => {
    const tokenizer = tokenizerFor({ provider: 'hub', model })
    if (!tokenizer || !('count' in tokenizer)) throw new Error('nobody is asked about whole requests')
    return tokenizer.count(request, { provider: 'hub', model }, undefined)
  }
  return { warnings, asked, tokenizerFor, count }
}

function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } })
}

const URL = 'https://count.example/v1/count?token=k-CANARY-url'
const request: CanonicalRequest = {
  model: 'client-model',
  max_tokens: 10,
  metadata: { user_id: 'someone' },
  system: [{ type: 'text', text: 'Be brief.' }],
  tools: [{ name: 'read', description: ' a file', input_schema: { type: 'object' } }],
  messages: [
    { role: 'user', content: 'hello' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'look' },
        { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
      ],
    },
  ],
}

describe('what is asked', () => {
  it.each(['standard', 'anthropic', undefined])('is the request that a model reads, as %s', async (requestFormat) => {
    const { count, asked } = await world({ default: { type: 'api', url: URL, apiKey: 'k-CANARY-key', requestFormat } })
    expect(await count(request)).toBe(42)
    const [{ url, headers, body }] = asked as [Asked]
    const { system, tools, messages } = request
    expect(url).toBe(URL)
    expect(body).toEqual({ model: 'm', system, messages, tools })
    expect(headers.get('authorization')).toBe('Bearer k-CANARY-key')
    expect(headers.get('anthropic-version')).toBe(requestFormat === 'anthropic' ? '2023-06-01' : null)
  })

  it.each([
    ['openai', { model: 'm', input: 'Be brief.\nread a file\n{"type":"object"}\nhello\nlook' }],
    ['custom', { text: 'Be brief.\nread a file\n{"type":"object"}\nhello\nlook' }],
  ])('is all its text as %s, and images are counted beside it', async (requestFormat, expected) => {
    const { count, asked } = await world({ default: { type: 'api', url: URL, requestFormat } })
    expect(await count(request)).toBe(42 + 1568)
    expect(asked[0]!.body).toEqual(expected)
    expect(asked[0]!.headers.has('authorization')).toBe(false)
  })

  it('has the headers of the field, which win over its own, however they are written', async () => {
    const headers = { 'x-api-key': 'k-1', 'Anthropic-Version': '2024-01-01', Authorization: 'Basic k-2' }
    const { count, asked } = await world({
      models: { m: { type: 'api', url: URL, apiKey: 'k-3', requestFormat: 'anthropic', headers } },
    })
    await count(request)
    expect(asked[0]!.headers.get('x-api-key')).toBe('k-1')
    expect(asked[0]!.headers.get('anthropic-version')).toBe('2024-01-01')
    expect(asked[0]!.headers.get('authorization')).toBe('Basic k-2')
  })
})

describe('the answer', () => {
  it.each([
    [{ token_count: 7 }, undefined, 7],
    [{ input_tokens: 0 }, undefined, 0],
    [{ totalTokens: 9 }, undefined, 9],
    [{ usage: { prompt_tokens: 11 } }, undefined, 11],
    [{ token_count: 1, data: { count: 5 } }, 'data.count', 5],
    [{ data: [{ n: 6 }] }, 'data.0.n', 6],
  ])('%j is read, with responseField %s, as %d', async (answer, responseField, expected) => {
    const { count } = await world({ default: { type: 'api', url: URL, responseField } }, () => json(answer))
    expect(await count(request)).toBe(expected)
  })

  it.each<[string, () => Response, RegExp]>([
    ['a text', () => json({ token_count: '7' }), /without a number of tokens in one of token_count/],
    ['a negative number', () => json({ token_count: -1 }), /without a number/],
    ['a list', () => json([1]), /without a number/],
    ['HTML', () => new Response('<html>'), /no JSON/],
    ['an error', () => json({ token_count: 3 }, 401), /status 401/],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://x' } }), /status 302/],
    [
      'more than a number',
      () => new Response(`{"token_count": 1, "x": "${'y'.repeat(100_000)}"}`),
      /no JSON of at most/,
    ],
  ])('that is %s is an error, which names the API and no secret', async (_, answer, expected) => {
    const { count } = await world({ default: { type: 'api', url: URL, apiKey: 'k-CANARY-key' } }, answer)
    const thrown = await count(request).catch((error: unknown) => error)
    expect((thrown as Error).message).toMatch(expected)
    expect((thrown as Error).message).toContain('https://count.example/v1/count')
    expect((thrown as Error).message).not.toContain('CANARY')
  })

  it.each([400, 404, 413, 422, 401, 403, 429, 500])('with status %i blames the request, or the API', async (status) => {
    const { count } = await world({ default: { type: 'api', url: URL } }, () => json({}, status))
    const thrown = await count(request).catch((error: unknown) => error)
    const blamesRequest = isCcrError(thrown) && thrown.code === 'CCR_REQUEST_INVALID'
    expect(blamesRequest).toBe([400, 404, 413, 422].includes(status))
    expect((thrown as Error).message).toContain(`status ${status}`)
  })

  it('of an error is not read to its end', async () => {
    let cancelled = false
    const endless = (): Response =>
      new Response(new ReadableStream({ cancel: () => void (cancelled = true) }), { status: 503 })
    const { count } = await world({ default: { type: 'api', url: URL } }, endless)
    await expect(count(request)).rejects.toThrow(/status 503/)
    expect(cancelled).toBe(true)
  })

  it('is not asked for where a request cannot be written as JSON, which blames the request', async () => {
    const { count, asked } = await world({ default: { type: 'api', url: URL } })
    const input: Record<string, unknown> = {}
    input['input'] = input
    const cyclic = [{ role: 'user' as const, content: [{ type: 'tool_use' as const, id: 'i', name: 'n', input }] }]
    await expect(count({ ...request, messages: cyclic })).rejects.toMatchObject({ code: 'CCR_REQUEST_INVALID' })
    expect(asked).toEqual([])
  })

  it('of nobody says so', async () => {
    const { count } = await world({ default: { type: 'api', url: URL } }, () => {
      throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })
    })
    await expect(count(request)).rejects.toThrow(
      'https://count.example/v1/count could not be asked: connect ECONNREFUSED',
    )
  })
})

describe('the field', () => {
  it('is for its provider, a model before the default', async () => {
    const { tokenizerFor } = await world({
      default: { type: 'api', url: URL },
      models: { own: { type: 'api', url: `${URL}/own` }, plain: { type: 'tiktoken', encoding: 'cl100k_base' } },
    })
    expect(tokenizerFor({ provider: 'hub', model: 'any' })?.name).toBe('api:hub')
    expect(tokenizerFor({ provider: 'hub', model: 'own' })?.name).toBe('api:hub,own')
    expect(tokenizerFor({ provider: 'Hub', model: 'OWN' })?.name).toBe('api:hub,own')
    expect(tokenizerFor({ provider: 'hub', model: 'plain' })).toBeUndefined()
    expect(tokenizerFor({ provider: 'none', model: 'any' })).toBeUndefined()
  })

  it.each([
    [{}, /needs a url/],
    [{ url: 'ftp://x' }, /needs a url/],
    [{ url: 'count' }, /needs a url/],
    [{ url: 'https://user:k-CANARY-password@count.example/' }, /needs a url .* without a user or password/],
    [{ url: URL, apiKey: 5 }, /apiKey/],
    [{ url: URL, apiKey: 'k-CANARY\nkey' }, /apiKey that no header can hold/],
    [{ url: URL, requestFormat: 'xml' }, /none of standard, anthropic, openai, custom/],
    [{ url: URL, responseField: 5 }, /responseField/],
    [{ url: URL, headers: ['a'] }, /headers/],
    [{ url: URL, headers: { a: 1 } }, /headers/],
    [{ url: URL, headers: { 'x key': 'k-CANARY-key' } }, /headers that cannot be sent/],
    [{ url: URL, headers: { 'x-key': 'k-CANARY\nkey' } }, /headers that cannot be sent/],
    [{ url: URL, headers: { 'x-key': 'k-CANARY-“key”' } }, /headers that cannot be sent/],
    [{ url: URL, api_key: 'k-CANARY-key' }, /no field 'api_key'/],
  ])('%j is a warning, and the standard encoding counts', async (field, expected) => {
    const { warnings, tokenizerFor } = await world({ default: { type: 'api', ...field } })
    expect(tokenizerFor({ provider: 'hub', model: 'any' })).toBeUndefined()
    expect(warnings).toEqual([expect.stringMatching(expected)])
    expect(warnings[0]).toMatch(/^the tokenizer of 'hub' .*; the standard encoding counts in its place$/)
    expect(warnings[0]).not.toContain('CANARY')
  })
})
