import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody, sendRaw, type Answer } from './support/client.ts'
import { startFaultUpstream, type FaultUpstream } from './support/fault-upstream.ts'
import { MAIN, startRouter, type RunningRouter } from './support/router.ts'

const MIB = 1024 * 1024

let upstream: FaultUpstream
let router: RunningRouter
let messages: string

beforeAll(async () => {
  upstream = await startFaultUpstream()
  const provider = { name: 'p', api_base_url: upstream.url('ok'), api_key: 'sk-canary-7f3e91c2', models: ['m'] }
  router = await startRouter({ config: { Providers: [{ ...provider, dialect: 'openai' }] } })
  messages = `${router.url}/v1/messages`
}, 30_000)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

function expectEnvelope(answer: Answer, status: number, type: string): string {
  expect({ status: answer.status, body: answer.json }).toEqual({
    status,
    body: { type: 'error', error: { type, message: expect.any(String) }, request_id: expect.stringMatching(/^req_/) },
  })
  expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  const { message } = (answer.json as { error: { message: string } }).error
  for (const secret of ['sk-canary', 'node_modules', '    at ', '.ts:', '.js:', router.home]) {
    expect(message).not.toContain(secret)
  }
  return message
}

const user = { role: 'user', content: 'hello' }

describe('row 88: a body that cannot be used is told, and nothing goes upstream', () => {
  const bodies: readonly (readonly [string, string | Buffer])[] = [
    ['nothing', ''],
    ['half an object', '{"model":"p,m","messages":['],
    ['something after the object', '{"model":"p,m","messages":[]} x'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"x"'],
    ['a number', '5'],
    ['NaN', '{"model":"p,m","max_tokens":NaN,"messages":[]}'],
    ['a control character in a string', '{"model":"p,m\u0001","messages":[]}'],
    ['no model', JSON.stringify({ max_tokens: 5, messages: [user] })],
    ['a number as model', JSON.stringify({ model: 5, max_tokens: 5, messages: [user] })],
    ['an empty model', JSON.stringify({ model: '', max_tokens: 5, messages: [user] })],
    ['no messages', JSON.stringify({ model: 'p,m', max_tokens: 5 })],
    ['messages without one', JSON.stringify({ model: 'p,m', max_tokens: 5, messages: [] })],
    ['text as messages', JSON.stringify({ model: 'p,m', max_tokens: 5, messages: 'x' })],
    ['a message without role', JSON.stringify({ model: 'p,m', max_tokens: 5, messages: [{ content: 'x' }] })],
    ['a number as message', JSON.stringify({ model: 'p,m', max_tokens: 5, messages: [7] })],
    ['row 89: 100,000 levels', `{"model":"p,m","messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['row 90: __proto__', '{"model":"p,m","max_tokens":5,"messages":[],"__proto__":{"stream":true}}'],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  ]
  it.each(bodies)('%s', async (_, body) => {
    const before = upstream.connections.length
    const answer = await ask(messages, { body })
    expectEnvelope(answer, 400, 'invalid_request_error')
    expect(upstream.connections.length).toBe(before)
  })
})

describe('a request that asks for what does not exist', () => {
  it.each(['nobody,m', 'a-model-nobody-has'])(
    'the model %s is a 404 that says what was asked and what exists',
    async (model) => {
      const before = upstream.connections.length
      const message = expectEnvelope(await ask(messages, { body: messagesBody(model, true) }), 404, 'not_found_error')
      expect(message).toContain(model.split(',')[0])
      expect(message).toMatch(/\bp\b/)
      expect(upstream.connections.length).toBe(before)
    },
  )

  it('row 97: an unknown path is a 404', async () => {
    expectEnvelope(await ask(`${router.url}/v1/nothing`, { body: {} }), 404, 'not_found_error')
  })

  it('another method is a 405 that names the right one', async () => {
    const answer = await ask(messages, { method: 'GET' })
    expectEnvelope(answer, 405, 'invalid_request_error')
    expect(answer.headers['allow']).toContain('POST')
  })
})

describe('row 85: a body that is too large is a 413, and nothing goes upstream', () => {
  function* parts(): Generator<Buffer> {
    for (let mib = 0; mib < 33; mib++) yield Buffer.alloc(MIB, ' ')
  }

  it('with its length said', async () => {
    const before = upstream.connections.length
    const answer = await ask(messages, { body: Buffer.concat([...parts()]) })
    expectEnvelope(answer, 413, 'request_too_large')
    expect(upstream.connections.length).toBe(before)
  })

  it('without its length said', async () => {
    const before = upstream.connections.length
    const answer = await new Promise<Answer>((resolve, reject) => {
      const call = request(messages, { method: 'POST', agent: false, headers: { 'content-type': 'application/json' } })
      call.on('response', (response) => {
        const text: Buffer[] = []
        response.on('data', (part: Buffer) => text.push(part))
        response.on('close', () => {
          const whole = Buffer.concat(text).toString()
          const { statusCode: status = 0, headers } = response
          resolve({ status, headers, text: whole, json: JSON.parse(whole), broken: undefined })
        })
        response.on('error', reject)
      })
      // What is still being sent when the answer comes may fail.
      call.on('error', () => undefined)
      for (const part of parts()) call.write(part)
      call.end()
    })
    expectEnvelope(answer, 413, 'request_too_large')
    expect(upstream.connections.length).toBe(before)
  })
})

describe('a request from where it may not come', () => {
  const body = messagesBody('p,m', false)
  const forged: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['row 101: a forged Host', { host: 'evil.example' }],
    ['row 101: a forged Host with the right port', { host: 'evil.example:3456' }],
    ['row 101: a Host that only begins right', { host: '127.0.0.1.evil.example' }],
    ['row 100: a forged Origin', { origin: 'https://evil.example' }],
    ['row 100: the Origin null', { origin: 'null' }],
    ['row 100: the Origin of another port', { origin: 'http://127.0.0.1:1' }],
  ]
  it.each(forged)('%s is a 403, and nothing goes upstream', async (_, headers) => {
    const before = upstream.connections.length
    expectEnvelope(await ask(messages, { body, headers }), 403, 'permission_error')
    expect(upstream.connections.length).toBe(before)
  })

  it.each([
    ['two Hosts', (host: string) => `POST /v1/messages HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\n`],
    ['an absolute target', (host: string) => `POST http://evil.example/v1/messages HTTP/1.1\r\nHost: ${host}\r\n`],
    [
      'row 92: two lengths',
      (host: string) => `POST /v1/messages HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n`,
    ],
  ])('row 101: %s is refused, and nothing goes upstream', async (_, head) => {
    const before = upstream.connections.length
    const text = JSON.stringify(body)
    const rest = `content-type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`
    const bytes = head(new URL(router.url).host) + rest
    expect(await sendRaw(router.url, bytes)).toMatch(/^HTTP\/1\.1 40[03] /)
    expect(upstream.connections.length).toBe(before)
  })

  it('row 92: a header of 17 KiB is a 431', async () => {
    const answer = await ask(messages, { body, headers: { 'x-long': 'x'.repeat(17 * 1024) } })
    expect(answer.status).toBe(431)
  })

  it('row 86: a compressed body is a 415', async () => {
    const answer = await ask(messages, { body, headers: { 'content-encoding': 'gzip' } })
    expectEnvelope(answer, 415, 'invalid_request_error')
  })
})

describe('row 111: a config that cannot be read', () => {
  const broken: readonly (readonly [string, string, RegExp])[] = [
    ['half an object', '{\n  "PORT": 3456,\n  "Providers": [\n', /config\.json:\d+:\d+/],
    ['a wrong character', '{\n  // why\n  "PORT": 3456;\n}\n', /config\.json:3:15/],
    ['a wrong type', '{\n  "Providers": "none"\n}\n', /config\.json:2:16/],
  ]
  it.each(broken)(
    '%s ends the start with file, line, column and a remedy, and stays as it is',
    async (_, text, place) => {
      const home = mkdtempSync(join(tmpdir(), 'ccr-broken-'))
      try {
        const file = join(home, 'config.json')
        writeFileSync(file, text)
        const env = { PATH: process.env['PATH'], HOME: home, CCR_HOME: home }
        const { status, stderr } = spawnSync(process.execPath, [MAIN, 'start', '--port', '0'], {
          env,
          encoding: 'utf8',
        })
        expect(status).toBe(78)
        expect(stderr).toMatch(place)
        expect(stderr).not.toMatch(/\.[cm]?[jt]s:\d|node:internal/)
        expect(readFileSync(file, 'utf8')).toBe(text)
      } finally {
        rmSync(home, { recursive: true, force: true })
      }
    },
  )
})

describe('afterwards', () => {
  it('a good request is served', async () => {
    const answer = await ask(messages, { body: messagesBody('p,m', false) })
    expect(answer).toMatchObject({ status: 200, json: { type: 'message' } })
  })
})
