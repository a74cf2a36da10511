import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody, open } from './support/client.ts'
import { startRouter, withRouter, type RunningRouter } from './support/router.ts'

const KEY = 'CANARY_0123456789_ABCDEFGHIJ'
const frame = (type: string, fields: object = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
const usage = { input_tokens: 1, output_tokens: 1 }
const stop = { stop_reason: 'end_turn', stop_sequence: null }
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], usage }
const BEGIN =
  frame('message_start', { message: { ...message, stop_reason: null, stop_sequence: null } }) +
  frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
const delta = (text: string): string => frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })
const END =
  frame('content_block_stop', { index: 0 }) + frame('message_delta', { delta: stop, usage }) + frame('message_stop')

/** An upstream of the Messages protocol: the first part of the path says how it answers. */
const ANSWERS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  plain: (response) => sse(response).end(BEGIN + delta('hi') + END),
  untyped: (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end(BEGIN + delta('hi') + END),
  marked: (response) => sse(response).end(`${BEGIN}${delta('hi')}${END}data: [DONE]\n\n`),
  startless: (response) => sse(response).end(frame('message_start') + frame('message_stop')),
  leaking: (response) => sse(response).end(`${BEGIN}${delta('hi')}data: ${'z'.repeat(80)}${KEY}\n\n`),
  hang: () => undefined,
  endless: (response) => {
    sse(response).write(BEGIN)
    const more = (): void => {
      while (!response.destroyed) {
        sent += 4000
        if (!response.write(delta('y'.repeat(4000)))) return void response.once('drain', more)
      }
    }
    more()
  },
}

function sse(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'text/event-stream' })
}

let asked = 0
let sent = 0
let left = 0
const upstream = createServer((request, response) => {
  asked++
  response.on('close', () => left++)
  request.resume().on('end', () => ANSWERS[request.url!.split('/')[1]!]!(response))
})
const config = (fields: object = {}): object => ({
  Providers: Object.keys(ANSWERS).map((name) => ({
    name,
    api_base_url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/${name}`,
    api_key: KEY,
    models: ['m'],
    dialect: 'anthropic',
  })),
  ...fields,
})

async function eventually(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; !condition(); await delay(20)) if (Date.now() > deadline) return false
  return true
}

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
})
afterAll(() => {
  upstream.closeAllConnections()
  upstream.close()
})

describe('one router', () => {
  let router: RunningRouter
  beforeAll(async () => {
    router = await startRouter({ config: config() })
  }, 30_000)
  afterAll(() => router?.stop())
  const send = (body: object | string) => ask(`${router.url}/v1/messages`, { body })

  it('gives a client that does not stream JSON, also when the upstream streams without saying so', async () => {
    const answer = await send(messagesBody('untyped,m', false))
    expect(answer.json).toMatchObject({ type: 'message', content: [{ type: 'text', text: 'hi' }] })
  })

  it('forwards nothing that follows message_stop in the same read', async () => {
    const plain = await send(messagesBody('plain,m', true))
    expect((await send(messagesBody('marked,m', true))).text).toBe(plain.text)
  })

  it('calls a broken message_start of a stream that is passed on what it is', async () => {
    expect((await send(messagesBody('startless,m', true))).text).not.toContain('the connection to')
  })

  it.each([true, false])('quotes no part of a key that a quotation cuts in two, streaming: %j', async (stream) => {
    expect((await send(messagesBody('leaking,m', stream))).text).not.toContain(KEY.slice(0, 12))
  })

  it('takes a long model name without sending headers that no client reads', async () => {
    const answer = await send(messagesBody(`plain,${'m'.repeat(100_000)}`, true))
    expect(answer.headers['x-ccr-model']?.length ?? 0).toBeLessThan(1000)
  })

  it('closes the upstreams of pipelined requests when their client leaves', async () => {
    const { port, host } = new URL(router.url)
    const body = JSON.stringify(messagesBody('hang,m', true))
    const request = `POST /v1/messages HTTP/1.1\r\nhost: ${host}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    const before = asked
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(request + request)
    expect(await eventually(() => asked === before + 2, 3000)).toBe(true)
    const open = left
    socket.destroy()
    expect(await eventually(() => left === open + 2, 2000)).toBe(true)
  })
})

it('reads a larger body limit again at a reload', async () => {
  await withRouter({ config: config({ limits: { bodyBytes: 1000 } }) }, async (router) => {
    writeFileSync(join(router.home, 'config.json'), JSON.stringify(config({ limits: { bodyBytes: 100_000 } })))
    router.child.kill('SIGHUP')
    const generation = async (): Promise<unknown> =>
      ((await ask(`${router.url}/health`, { method: 'GET' })).json as { generation: number }).generation
    for (let turn = 0; turn < 200 && (await generation()) !== 2; turn++) await delay(20)
    const body = messagesBody('plain,m', false, { metadata: { user_id: 'x'.repeat(5000) } })
    expect((await ask(`${router.url}/v1/messages`, { body })).status).toBe(200)
  })
})

it('row 108: lets a stream go on whose key was changed, and asks the next request for the new one', async () => {
  const keyed = (APIKEY: string): string => JSON.stringify(config({ APIKEY }))
  await withRouter({ config: keyed('the-first-key') }, async ({ url, home }) => {
    const status = async (key: string): Promise<number> =>
      (await ask(`${url}/v1/models`, { method: 'GET', headers: { 'x-api-key': key } })).status
    const headers = { 'x-api-key': 'the-first-key' }
    const call = open(`${url}/v1/messages`, { headers, body: messagesBody('endless,m', true) })
    await call.until('yyyy')
    writeFileSync(join(home, 'config.json'), keyed('the-second-key'))
    while ((await status('the-first-key')) === 200) await delay(20)
    expect([await status('the-first-key'), await status('the-second-key')]).toEqual([401, 200])
    const before = sent
    expect(await eventually(() => sent > before + 1_000_000, 5000)).toBe(true)
    call.leave()
  })
})

it('row 8: sends nothing to an upstream that takes a TLS connection for a broken request', async () => {
  const before = asked
  const { port } = upstream.address() as AddressInfo
  const Providers = [{ name: 'p', api_base_url: `https://127.0.0.1:${port}/plain`, api_key: KEY, dialect: 'anthropic' }]
  await withRouter({ config: { Providers } }, async ({ url, written }) => {
    const answer = await ask(`${url}/v1/messages`, { body: messagesBody('p,m', true) })
    expect([answer.status, answer.headers['x-should-retry']]).toEqual([502, 'false'])
    expect(answer.text).toContain('made no TLS connection (ERR_SSL_WRONG_VERSION_NUMBER)')
    expect([asked, written().includes(KEY)]).toEqual([before, false])
  })
})

it('ends at once at a second signal, whether or not a client takes its answer', async () => {
  await withRouter({ config: config({ timeouts: { drain: 200 } }) }, async (router) => {
    const call = open(`${router.url}/v1/messages`, { body: messagesBody('endless,m', true) })
    await call.until('yyyy')
    call.pause()
    expect(await eventually(standsStill(), 5000)).toBe(true)
    router.child.kill('SIGTERM')
    router.child.kill('SIGTERM')
    expect(await eventually(() => router.child.exitCode !== null, 4000)).toBe(true)
    call.leave()
  })
})

it('ends soon after a second signal while a dead file system holds every thread', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ccr-held-'))
  const pipe = join(folder, 'pipe')
  // Whoever opens it waits for a writer, in a thread that cannot be called back.
  execFileSync('mkfifo', [pipe])
  const holding = `import { definePlugin, Type } from '@ccr/sdk'
import { open } from 'node:fs'
const held = { name: 'held', apiVersion: 1, description: 'holds every thread', options: Type.Object({}) }
export default definePlugin({ ...held, activate(ctx) {
  ctx.on('onRequest', () => {
    for (let count = 0; count < 8; count++) open(process.env.HELD_PIPE, 'r', () => undefined)
    return undefined
  })
} })`
  const fields = { plugins: [{ use: `file:${join(folder, 'held.js')}` }], timeouts: { drain: 200 } }
  writeFileSync(join(folder, 'held.js'), holding)
  await withRouter({ config: config(fields), env: { HELD_PIPE: pipe } }, async ({ url, child }) => {
    await ask(`${url}/v1/messages`, { body: messagesBody('plain,m', true) })
    child.kill('SIGTERM')
    // Two signals at once may come as one.
    while (await ask(`${url}/health`, { method: 'GET' }).then(Boolean, () => false)) await delay(20)
    child.kill('SIGTERM')
    expect(await eventually(() => child.exitCode !== null || child.signalCode !== null, 12_000)).toBe(true)
  })
  rmSync(folder, { recursive: true })
})

/** Whether the endless answer has stopped growing, by its size at the last looks. */
function standsStill(): () => boolean {
  let seen = 0
  let same = 0
  return () => {
    same = sent === seen ? same + 1 : 0
    seen = sent
    return same >= 10
  }
}
