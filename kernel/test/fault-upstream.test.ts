import { request } from 'node:http'
import { connect } from 'node:net'
import { createSseReader } from '@ccr/sdk'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FAULTS } from './support/fault-behaviours.ts'
import { startFaultUpstream, type FaultUpstream } from './support/fault-upstream.ts'
import { TEXT, type Shape } from './support/fault-transcripts.ts'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Buffer
  /** How it broke, or nothing. */
  readonly broken: string | undefined
}

interface Ask {
  readonly stream?: boolean
  /** Leave after this many bytes of body, or after this time without a head. */
  readonly leaveAfterBytes?: number
  readonly leaveAfterMs?: number
}

let upstream: FaultUpstream
beforeEach(async () => {
  upstream = await startFaultUpstream()
})
afterEach(() => upstream.close())

/** One request as a router would send it; what is broken is told, not thrown. */
function ask(url: string, { stream = true, leaveAfterBytes = Infinity, leaveAfterMs }: Ask = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const body = JSON.stringify({ model: 'm', stream })
    const headers = { authorization: 'Bearer key-1', 'content-length': Buffer.byteLength(body) }
    const parts: Buffer[] = []
    const call = request(url, { method: 'POST', headers, agent: false, maxHeaderSize: 65536 }, (answer) => {
      const end = (broken?: string): void =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts), broken })
      let size = 0
      answer.on('data', (bytes: Buffer) => {
        parts.push(bytes)
        size += bytes.length
        if (size < leaveAfterBytes) return
        call.destroy()
        end('left')
      })
      answer.on('end', () => end())
      answer.on('error', (fault: NodeJS.ErrnoException) => end(fault.code))
      if (leaveAfterMs !== undefined) setTimeout(() => end(`left ${void call.destroy()}`), leaveAfterMs)
    })
    call.on('error', (fault: NodeJS.ErrnoException) =>
      resolve({ status: 0, headers: {}, body: Buffer.concat(parts), broken: fault.code ?? 'closed' }),
    )
    if (leaveAfterMs !== undefined) setTimeout(() => call.destroy(), leaveAfterMs)
    call.end(body)
  })
}

/** The text of an answer in either shape, and whether its terminal event came. */
function read(body: Buffer): { text: string; ended: boolean } {
  const reader = createSseReader()
  const events = [...reader.push(body), ...reader.end()].map((frame) => frame.data)
  let text = ''
  for (const data of events) {
    if (data === '[DONE]') continue
    const event = JSON.parse(data) as {
      choices?: { delta: { content?: string } }[]
      delta?: { text?: string }
    }
    text += event.choices?.[0]?.delta.content ?? event.delta?.text ?? ''
  }
  return { text, ended: events.includes('[DONE]') || events.some((data) => data.includes('message_stop')) }
}

const SHAPES: readonly Shape[] = ['openai', 'anthropic']

describe.each(SHAPES)('in the %s shape', (shape) => {
  it.each(['ok', 'bytewise', 'crlf', 'cr-only', 'nospace', 'bom', 'comments', 'multiline'])(
    '%s says the whole text',
    async (fault) => {
      const answer = await ask(upstream.url(fault, { shape }))
      expect(answer).toMatchObject({ status: 200, broken: undefined, headers: { 'content-type': 'text/event-stream' } })
      expect(read(answer.body)).toEqual({ text: TEXT, ended: true })
    },
  )

  it.each(['ok', 'json-for-stream'])('%s answers with JSON', async (fault) => {
    const answer = await ask(upstream.url(fault, { shape }), { stream: fault !== 'ok' })
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
    expect(JSON.stringify(JSON.parse(answer.body.toString()))).toContain(JSON.stringify(TEXT))
  })

  it('sse-for-json streams although nobody asked', async () => {
    expect(read((await ask(upstream.url('sse-for-json', { shape }), { stream: false })).body).ended).toBe(true)
  })

  it.each(['eof-clean', 'reset-mid', 'fin-mid'])('%s stops after some text', async (fault) => {
    const answer = await ask(upstream.url(fault, { shape }))
    expect(read(answer.body)).toEqual({ text: TEXT.slice(0, TEXT.indexOf('"')), ended: false })
    expect(answer.broken).toBe(fault === 'eof-clean' ? undefined : 'ECONNRESET')
  })

  it('trunc-json stops inside an event', async () => {
    const { body, broken } = await ask(upstream.url('trunc-json', { shape }))
    expect(broken).toBeUndefined()
    expect(() => read(body)).toThrow(SyntaxError)
  })

  it('badjson-mid has one broken event among good ones', async () => {
    const { body } = await ask(upstream.url('badjson-mid', { shape }))
    expect(() => read(body)).toThrow(SyntaxError)
    expect(body.toString()).toMatch(shape === 'openai' ? /\[DONE\]/ : /message_stop/)
  })

  it.each(['err-first', 'err-in-stream'])('%s reports an error in its stream', async (fault) => {
    const { body } = await ask(upstream.url(fault, { shape }))
    expect(body.toString().includes('content')).toBe(fault === 'err-in-stream')
    expect(body.toString()).toContain('overloaded_error')
  })

  it('hang-close says everything and stays open', async () => {
    const answer = await ask(upstream.url('hang-close', { shape }), { leaveAfterMs: 200 })
    expect(read(answer.body)).toEqual({ text: TEXT, ended: true })
    expect(await upstream.waitFor((one) => one.closedAt !== undefined)).toMatchObject({ closedBy: 'fin' })
  })

  it('after-stop goes on after its terminal event', async () => {
    const body = (await ask(upstream.url('after-stop', { shape }))).body.toString()
    expect(body.lastIndexOf('overloaded_error')).toBeGreaterThan(body.search(/\[DONE\]|message_stop/))
  })

  it('error-200 and status-429 carry the error body of the shape', async () => {
    const hidden = await ask(upstream.url('error-200', { shape }))
    expect(JSON.parse(hidden.body.toString())).toMatchObject({ error: { message: 'too busy' } })
    const query = { 'retry-after': 7, leak: 1, stack: 1 }
    const open = await ask(upstream.url('status-429', { shape, query }))
    expect(open).toMatchObject({ status: 429, headers: { 'retry-after': '7' } })
    expect(open.body.toString()).toMatch(/key-1[^]*secret-path\.js/)
  })
})

describe('an answer that is none', () => {
  it.each([
    ['html-200', 200, /portal-canary/],
    ['html-502', 502, /portal-canary/],
    ['empty-200', 200, /^$/],
    ['empty-sse', 200, /^$/],
    ['redirect', 307, /^\{\}$/],
  ])('%s', async (fault, status, body) => {
    const answer = await ask(upstream.url(fault))
    expect(answer.status).toBe(status)
    expect(answer.body.toString()).toMatch(body)
  })

  it.each([
    ['reset-before', 'ECONNRESET'],
    ['fin-before', 'ECONNRESET'],
    ['junk', 'HPE_INVALID_CONSTANT'],
    ['bighdr', 'HPE_HEADER_OVERFLOW'],
    ['clmismatch', 'ECONNRESET'],
  ])('%s breaks with %s', async (fault, code) => {
    expect(await ask(upstream.url(fault))).toMatchObject({ broken: code })
  })

  it('redirect points at a target that counts its visitors', async () => {
    const { headers } = await ask(upstream.url('redirect'))
    expect(headers['location']).toBe(upstream.url('redirect-target'))
    expect(upstream.connections.map((one) => one.fault)).toEqual(['redirect'])
  })

  it('bad-utf8 holds one byte that is no text', async () => {
    const { body } = await ask(upstream.url('bad-utf8'))
    expect(read(body)).toEqual({ text: TEXT.replace('Norden', '\uFFFDNorden'), ended: true })
  })
})

describe('an answer without end', () => {
  it.each(['infinite', 'hugeline', 'gzbomb', 'only-pings', 'pings-mid'])(
    '%s goes on until its reader leaves',
    async (fault) => {
      const bytes = fault.includes('pings') ? 1000 : 100_000
      const answer = await ask(upstream.url(fault), { leaveAfterBytes: bytes, stream: fault !== 'gzbomb' })
      expect(answer.broken).toBe('left')
      const one = await upstream.waitFor((entry) => entry.closedAt !== undefined)
      expect(one.closedBy).not.toBe('upstream')
      expect(one.bytesSent).toBeGreaterThanOrEqual(bytes)
    },
  )

  it.each(['hang-headers', 'hang-body', 'hang-mid'])('%s is silent until its reader leaves', async (fault) => {
    const answer = await ask(upstream.url(fault), { leaveAfterMs: 100 })
    expect(answer.status).toBe(fault === 'hang-headers' ? 0 : 200)
    expect(answer.body.length > 0).toBe(fault === 'hang-mid')
    expect(await upstream.waitFor((entry) => entry.closedAt !== undefined)).toMatchObject({ closedBy: 'fin' })
  })

  it('infinite waits for a reader that does not read', async () => {
    const socket = connect(upstream.port, '127.0.0.1')
    socket.pause()
    socket.write('POST /f/infinite/v1/messages HTTP/1.1\r\ncontent-length: 15\r\n\r\n{"stream": true')
    const one = await upstream.waitFor((entry) => entry.bytesSent > 0)
    // Its buffers fill up, and then nothing moves.
    let [before, still] = [-1, 0]
    for (let look = 0; look < 200 && still < 10; look++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      still = one.bytesSent === before ? still + 1 : 0
      before = one.bytesSent
    }
    expect(still).toBe(10)
    socket.resetAndDestroy()
    expect(await upstream.waitFor((entry) => entry.closedAt !== undefined)).toMatchObject({ closedBy: 'reset' })
  })

  it('slow takes its time for each event', async () => {
    const started = performance.now()
    const answer = await ask(upstream.url('slow', { query: { ms: 10, repeat: 2 } }))
    expect(read(answer.body)).toEqual({ text: TEXT + TEXT, ended: true })
    expect(performance.now() - started).toBeGreaterThan(100)
  })
})

describe('the log', () => {
  it('keeps head, body and times of each connection, in order', async () => {
    await ask(upstream.url('ok'))
    await ask(upstream.url('ok-anthropic'), { stream: false })
    const last = await upstream.waitFor((one) => one.fault === 'ok-anthropic' && one.closedAt !== undefined)
    expect(upstream.connections).toHaveLength(2)
    expect(last.head).toMatch(/^POST \/f\/ok-anthropic\/v1\/messages HTTP\/1\.1\r\n[^]*authorization: Bearer key-1/)
    expect(last.body.toString()).toBe('{"model":"m","stream":false}')
    expect(last.bytesReceived).toBe(last.head.length + 4 + last.body.length)
    expect(last.closedBy).toBe('upstream')
  })

  it('says what was seen when nothing comes', async () => {
    await ask(upstream.url('ok'))
    await expect(upstream.waitFor((one) => one.fault === 'junk', 30)).rejects.toThrow('seen: ok:upstream')
  })

  it('covers every fault of its table', () => {
    expect(Object.keys(FAULTS).length).toBeGreaterThan(35)
  })
})
