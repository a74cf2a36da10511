import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody, type Answer } from './support/client.ts'
import { startFaultUpstream, type FaultUpstream } from './support/fault-upstream.ts'
import { TEXT, UPSTREAM_MODEL, USAGE, type Shape } from './support/fault-transcripts.ts'
import { startRouter, type RunningRouter } from './support/router.ts'
import { checkSse, violationsOf } from './support/sse-check.ts'

/** The secret of every provider; it may show up nowhere. */
const CANARY = 'sk-canary-7f3e91c2'
const SHAPES: readonly Shape[] = ['openai', 'anthropic']

/** Short enough for a test, far enough apart to tell which one fired. */
const TIMEOUTS = { connect: 500, firstEvent: 600, idle: 700, progress: 1200, total: 1500, totalStream: 20_000 }

type Query = Readonly<Record<string, string | number>>

/** What a client is told, while no byte has left. */
interface Refused {
  readonly row: number
  readonly fault: string
  readonly query?: Query
  readonly status: number
  readonly type: string
  /** `x-should-retry`; absent means: not sent. */
  readonly retry?: 'false'
  readonly retryAfter?: string
  /** Part of the message. */
  readonly says?: RegExp
  /** Only for requests of this kind. */
  readonly only?: 'stream' | 'whole'
}

const LATER = new Date(Date.now() + 3_600_000).toUTCString()

const BROKEN = /closed the connection before its answer was complete \([A-Z_]+\); try again$/

const REFUSED: readonly Refused[] = [
  { row: 1, fault: 'refused', status: 502, type: 'api_error', says: /refused the connection \(ECONNREFUSED\)/ },
  { row: 12, fault: 'reset-before', status: 502, type: 'api_error', says: BROKEN },
  { row: 13, fault: 'fin-before', status: 502, type: 'api_error', says: BROKEN },
  { row: 15, fault: 'hang-headers', status: 504, type: 'timeout_error' },
  { row: 16, fault: 'hang-body', status: 504, type: 'timeout_error' },
  { row: 17, fault: 'junk', status: 502, type: 'api_error', says: /an answer that is not valid HTTP/ },
  { row: 18, fault: 'bighdr', status: 502, type: 'api_error', says: /an answer whose head is too large/ },
  { row: 21, fault: 'status-400', status: 400, type: 'invalid_request_error', says: /the upstream says 400/ },
  { row: 21, fault: 'status-400', query: { stack: 1 }, status: 400, type: 'invalid_request_error' },
  { row: 22, fault: 'status-401', status: 502, type: 'api_error', retry: 'false' },
  { row: 22, fault: 'status-403', status: 502, type: 'api_error', retry: 'false' },
  { row: 23, fault: 'status-402', status: 502, type: 'api_error', retry: 'false' },
  { row: 24, fault: 'status-404', status: 404, type: 'not_found_error' },
  { row: 25, fault: 'status-413', status: 413, type: 'invalid_request_error' },
  { row: 26, fault: 'status-422', status: 422, type: 'invalid_request_error' },
  { row: 27, fault: 'status-429', status: 429, type: 'rate_limit_error' },
  { row: 27, fault: 'status-429', query: { 'retry-after': 7 }, status: 429, type: 'rate_limit_error', retryAfter: '7' },
  {
    row: 28,
    fault: 'status-429',
    query: { 'retry-after': 86400 },
    status: 429,
    type: 'rate_limit_error',
    retryAfter: '86400',
    retry: 'false',
  },
  {
    row: 28,
    fault: 'status-429',
    query: { 'retry-after': LATER },
    status: 429,
    type: 'rate_limit_error',
    retryAfter: LATER,
    retry: 'false',
  },
  { row: 28, fault: 'status-429', query: { 'retry-after': 'soon' }, status: 429, type: 'rate_limit_error' },
  { row: 28, fault: 'status-429', query: { 'retry-after': -5 }, status: 429, type: 'rate_limit_error' },
  { row: 29, fault: 'status-500', status: 502, type: 'api_error' },
  { row: 29, fault: 'status-500', query: { stack: 1 }, status: 502, type: 'api_error' },
  { row: 29, fault: 'status-502', status: 502, type: 'api_error' },
  { row: 29, fault: 'status-503', status: 502, type: 'api_error' },
  { row: 29, fault: 'status-504', status: 504, type: 'timeout_error' },
  { row: 30, fault: 'status-529', status: 529, type: 'overloaded_error' },
  { row: 31, fault: 'html-502', status: 502, type: 'api_error' },
  { row: 32, fault: 'html-200', status: 502, type: 'api_error' },
  { row: 33, fault: 'empty-200', status: 502, type: 'api_error' },
  { row: 34, fault: 'error-200', status: 529, type: 'overloaded_error', says: /too busy/ },
  { row: 37, fault: 'redirect', status: 502, type: 'api_error' },
  { row: 38, fault: 'status-204', status: 502, type: 'api_error' },
  { row: 39, fault: 'clmismatch', status: 502, type: 'api_error', only: 'whole' },
  { row: 43, fault: 'err-first', status: 529, type: 'overloaded_error', says: /too busy/ },
  { row: 45, fault: 'reset-mid', status: 502, type: 'api_error', only: 'whole' },
  { row: 47, fault: 'eof-clean', status: 502, type: 'api_error', only: 'whole' },
  { row: 51, fault: 'only-pings', status: 504, type: 'timeout_error' },
  { row: 55, fault: 'empty-sse', status: 502, type: 'api_error' },
]

/** An answer that began and then fails: one error event and a clean end. */
interface Failed {
  readonly row: number
  readonly fault: string
  readonly type: string
  readonly says?: RegExp
}

const FAILED: readonly Failed[] = [
  { row: 39, fault: 'clmismatch', type: 'api_error' },
  { row: 44, fault: 'err-in-stream', type: 'overloaded_error', says: /too busy/ },
  { row: 44, fault: 'err-bare', type: 'overloaded_error', says: /too busy/ },
  { row: 45, fault: 'reset-mid', type: 'api_error', says: BROKEN },
  { row: 46, fault: 'fin-mid', type: 'api_error', says: BROKEN },
  { row: 47, fault: 'eof-clean', type: 'api_error' },
  { row: 48, fault: 'trunc-json', type: 'api_error' },
  { row: 49, fault: 'badjson-mid', type: 'api_error' },
  { row: 50, fault: 'hang-mid', type: 'timeout_error' },
  { row: 51, fault: 'pings-mid', type: 'timeout_error' },
]

/** An answer that arrives whole in spite of everything. */
const WHOLE: readonly (readonly [row: number, fault: string, query: Query])[] = [
  [0, 'ok', {}],
  [35, 'json-for-stream', {}],
  [36, 'sse-for-json', {}],
  [52, 'slow', { ms: 150 }],
  [53, 'hang-close', {}],
  [54, 'after-stop', {}],
  [56, 'bytewise', {}],
  [57, 'crlf', {}],
  [57, 'cr-only', {}],
  [57, 'nospace', {}],
  [57, 'bom', {}],
  [57, 'json-bom', {}],
  [57, 'comments', {}],
  [58, 'multiline', {}],
]

/** All but the mark of the end comes, which not every dialect has. */
const UNMARKED = ['reset-unmarked', 'fin-unmarked', 'half-unmarked', 'hang-unmarked']

const CASES = [
  ...REFUSED,
  ...FAILED,
  ...WHOLE.map(([row, fault, query]) => ({ row, fault, query })),
  ...UNMARKED.map((fault) => ({ fault })),
  { fault: 'bad-utf8' },
]

/** A provider for a fault; a name holds no comma. */
const nameOf = (shape: Shape, fault: string, query: Query = {}): string =>
  [shape, fault, ...Object.entries(query).map(([key, value]) => `${key}=${String(value)}`)]
    .join('/')
    .replaceAll(',', ';')

let upstream: FaultUpstream
let router: RunningRouter

beforeAll(async () => {
  upstream = await startFaultUpstream()
  const closed = await closedPort()
  const providers = new Map<string, object>()
  for (const shape of SHAPES) {
    for (const { fault, query = {} } of CASES as readonly { fault: string; query?: Query }[]) {
      const name = nameOf(shape, fault, query)
      const options = { shape, query: fault.startsWith('status-') ? { leak: 1, ...query } : query }
      const url = fault === 'refused' ? `http://127.0.0.1:${closed}/v1` : upstream.url(fault, options)
      providers.set(name, { name, api_base_url: url, api_key: CANARY, models: ['m'], dialect: shape })
    }
  }
  router = await startRouter({ config: { Providers: [...providers.values()], timeouts: TIMEOUTS } })
}, 30_000)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Asks, and checks what holds after every fault. */
async function exchange(shape: Shape, fault: string, stream: boolean, query?: Query): Promise<Answer> {
  const before = upstream.connections.length
  const model = `${nameOf(shape, fault, query)},m`
  const answer = await ask(`${router.url}/v1/messages`, { body: messagesBody(model, stream) })
  const health = await ask(`${router.url}/health`, { method: 'GET' })
  expect(health.status, 'A1: the process is alive').toBe(200)
  const told = JSON.stringify(answer.headers) + answer.text
  for (const secret of [CANARY, 'secret-path', 'at send', '<title', 'node_modules', '.ts:', '.js:', router.home]) {
    expect(told, 'A3, A4: no key, path, stack or markup').not.toContain(secret)
  }
  for (const one of upstream.connections.slice(before)) {
    await upstream.waitFor((entry) => entry === one && entry.closedAt !== undefined, 1000)
  }
  return answer
}

function expectRefusal(
  answer: Answer,
  shape: Shape,
  { fault, query, status, type, retry, retryAfter, says }: Refused,
): void {
  expect({ status: answer.status, body: answer.json }).toEqual({
    status,
    body: { type: 'error', error: { type, message: expect.any(String) }, request_id: expect.stringMatching(/^req_/) },
  })
  expect(answer.headers['content-type']).toMatch(/^application\/json/)
  expect(answer.headers['request-id']).toBe((answer.json as { request_id: string }).request_id)
  expect(answer.headers['x-should-retry']).toBe(retry)
  expect(answer.headers['retry-after']).toBe(retryAfter)
  const { message } = (answer.json as { error: { message: string } }).error
  expect(message, 'it names the provider').toContain(nameOf(shape, fault, query))
  expect(message, 'it is one line of bounded length').toMatch(/^[^\n]{1,700}$/)
  if (says) expect(message).toMatch(says)
}

describe.each(SHAPES)('an upstream in the %s dialect', (shape) => {
  const refusals = REFUSED.flatMap((one) =>
    (['stream', 'whole'] as const)
      .filter((kind) => (one.only ?? kind) === kind)
      .map((kind) => ({ ...one, kind, label: new URLSearchParams(one.query as Record<string, string>).toString() })),
  )
  it.each(refusals)('row $row: $fault $label ($kind) is $status $type', async (one) => {
    expectRefusal(await exchange(shape, one.fault, one.kind === 'stream', one.query), shape, one)
    if (one.fault === 'redirect') {
      expect(
        upstream.connections.some(({ fault }) => fault === 'redirect-target'),
        'the key goes nowhere',
      ).toBe(false)
    }
  })

  it.each(FAILED)('row $row: $fault ends in one error event, $type', async ({ fault, type, says }) => {
    const answer = await exchange(shape, fault, true)
    expect(answer).toMatchObject({ status: 200, broken: undefined })
    expect(answer.headers['content-type']).toMatch(/^text\/event-stream/)
    expect(violationsOf(answer.text)).toEqual([])
    const verdict = checkSse(answer.text)
    expect(verdict).toMatchObject({ outcome: 'error', stopReason: undefined, error: { type } })
    expect(TEXT.startsWith(verdict.text) && verdict.text !== '', 'what came is delivered').toBe(true)
    if (says) expect(String(verdict.error?.message)).toMatch(says)
  })

  it.each(WHOLE)('row %i: %s comes as a valid stream', async (_, fault, query) => {
    const answer = await exchange(shape, fault, true, query)
    expect(answer).toMatchObject({ status: 200, broken: undefined })
    expect(violationsOf(answer.text)).toEqual([])
    expect(checkSse(answer.text)).toMatchObject({ outcome: 'success', text: TEXT, stopReason: 'end_turn', tools: [] })
    expect(checkSse(answer.text).usage).toMatchObject({ output_tokens: USAGE.output })
    if (shape === 'openai')
      expect(answer.text, 'a converted answer names the model asked for').not.toContain(UPSTREAM_MODEL)
  })

  it.each(UNMARKED)('row 53: %s is complete where a finish reason says so', async (fault) => {
    const answer = await exchange(shape, fault, true)
    expect(answer).toMatchObject({ status: 200, broken: undefined })
    expect(violationsOf(answer.text)).toEqual([])
    const verdict = checkSse(answer.text)
    if (shape === 'anthropic') return expect(verdict.outcome).toBe('error')
    expect(verdict).toMatchObject({ outcome: 'success', text: TEXT, stopReason: 'end_turn' })
    expect(verdict.usage).toMatchObject({ output_tokens: USAGE.output })
    expect(await exchange(shape, fault, false)).toMatchObject({ status: 200, json: { stop_reason: 'end_turn' } })
  })

  it.each(['ok', 'json-for-stream', 'json-bom', 'sse-for-json'])(
    'row 36: %s comes as one valid message',
    async (fault) => {
      const answer = await exchange(shape, fault, false)
      expect(answer.status).toBe(200)
      expect(answer.headers['content-type']).toMatch(/^application\/json/)
      expect(answer.json).toMatchObject({
        type: 'message',
        role: 'assistant',
        content: [{ type: 'text', text: TEXT }],
        stop_reason: 'end_turn',
        usage: { input_tokens: USAGE.input, output_tokens: USAGE.output },
      })
    },
  )

  it('row 59: a byte that is no text becomes one replacement character', async () => {
    const answer = await exchange(shape, 'bad-utf8', true)
    expect(violationsOf(answer.text)).toEqual([])
    expect(checkSse(answer.text)).toMatchObject({ outcome: 'success', text: TEXT.replace('Norden', '\uFFFDNorden') })
  })

  it('row 15: a client that waits is kept alive, and told in the stream', async () => {
    const config = {
      Providers: [
        { name: 'p', api_base_url: upstream.url('hang-headers', { shape }), api_key: CANARY, dialect: shape },
      ],
      timeouts: { ...TIMEOUTS, keepAlive: 100, ping: 100 },
    }
    const patient = await startRouter({ config })
    try {
      const answer = await ask(`${patient.url}/v1/messages`, { body: messagesBody('p,m', true) })
      expect(answer).toMatchObject({ status: 200, broken: undefined })
      expect(violationsOf(answer.text)).toEqual([])
      const { events, error } = checkSse(answer.text)
      expect(events.filter((one) => one.name === 'ping').length).toBeGreaterThan(2)
      expect(error).toMatchObject({ type: 'timeout_error' })
    } finally {
      await patient.stop()
    }
  })
})

describe('afterwards', () => {
  it('A8: the next healthy request succeeds', async () => {
    for (const shape of SHAPES) {
      const answer = await exchange(shape, 'ok', true)
      expect(checkSse(answer.text)).toMatchObject({ outcome: 'success', text: TEXT })
    }
  })

  it('A3: nothing that was written holds a key, and no answer of an upstream', () => {
    expect(router.log().length).toBeGreaterThan(50)
    expect(router.written()).not.toContain(CANARY)
    expect(router.written()).not.toContain('Norden')
    expect(router.written(), 'words of an error may quote the request').not.toContain('the upstream says')
  })
})
