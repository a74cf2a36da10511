import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { sendRaw } from './server-fixture.ts'
import { ResponseSink } from './sink.ts'

const disposers: (() => void)[] = []
afterEach(() => {
  for (const dispose of disposers.splice(0)) dispose()
})

const EVENTS = { 'content-type': 'text/event-stream' }

describe('an answer in pieces', () => {
  const pieces = (sink: ResponseSink): void => {
    sink.head(200, EVENTS)
    sink.write('data: "é€😀"\n\n')
    sink.write('')
    sink.write(Buffer.from('data: "bytes é"\n\n'))
    sink.write(new Uint8Array(0))
    sink.end('data: [DONE]\n\n')
  }
  const all = 'data: "é€😀"\n\ndata: "bytes é"\n\ndata: [DONE]\n\n'

  it('reaches a client whole, and its connection serves the next', async () => {
    const port = await serve(pieces)
    const text = `GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
    const { text: received, closed } = sendRaw(port, text)
    await closed
    const answers = received().split('HTTP/1.1 200 OK\r\n').slice(1)
    expect(answers).toHaveLength(2)
    for (const answer of answers) {
      const [head, ...body] = answer.split('\r\n\r\n')
      expect(head).toContain('Transfer-Encoding: chunked')
      expect(decodeChunks(body.join('\r\n\r\n'))).toBe(all)
    }
    expect(await textOf(port)).toBe(all)
  })

  it('has no chunks for a client that does not know them', async () => {
    const port = await serve(pieces)
    const { text, closed } = sendRaw(port, 'GET / HTTP/1.0\r\n\r\n')
    await closed
    expect(Buffer.from(text().split('\r\n\r\n').slice(1).join('\r\n\r\n'), 'latin1').toString()).toBe(all)
    expect(text()).not.toContain('chunked')
  })

  it.each([
    ['text', 'é'],
    ['bytes', Buffer.from('é')],
  ])('leaves headers as they are before %s', async (_kind, piece) => {
    const port = await serve((sink) => {
      sink.head(200, { ...EVENTS, 'x-note': 'caf\xe9' })
      sink.write(piece)
      sink.end('é')
    })
    const { text, closed } = sendRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await closed
    expect(text()).toContain('x-note: caf\xe9\r\n')
    expect(decodeChunks(text().split('\r\n\r\n').slice(1).join('\r\n\r\n'))).toBe('éé')
  })

  it('may end without a last piece', async () => {
    const port = await serve((sink) => {
      sink.head(200, EVENTS)
      sink.write('one')
      sink.end()
      // It sent a FIN just now: nothing is written behind the end.
      sink.finished()
    })
    expect(await textOf(port)).toBe('one')
  })

  it('waits for a client that takes no more', async () => {
    let sink: ResponseSink | undefined
    const port = await serve((given) => (sink = given))
    const size = 8 * 1024 * 1024
    const read = textOf(port)
    while (!sink) await new Promise((resolve) => setTimeout(resolve, 5))
    sink.head(200, EVENTS)
    for (let turn = 0; turn < 2; turn++) {
      expect(sink.write('x'.repeat(size))).toBe(false)
      await sink.drained()
      expect(sink.write('y')).toBe(true)
      await sink.drained()
    }
    sink.end(Buffer.from('z'))
    expect(await read).toBe(`${'x'.repeat(size)}y`.repeat(2) + 'z')
  })
})

it.each([
  ['comments in an event stream', '1.1', EVENTS, ': \n\n', 4],
  ['nothing in an answer that has no comments', '1.1', { 'content-type': 'application/json' }, ': \n\n', 0],
  ['interim answers before the head', '1.1', undefined, 'HTTP/1.1 102 Processing\r\n\r\n', 4],
  ['nothing before the head that would be taken for it', '1.0', undefined, '102 Processing', 0],
])('asks a client that sent a FIN by %s', async (_name, version, headers, asked, times) => {
  let sink: ResponseSink | undefined
  const port = await serve((given) => (sink = given))
  const { text, closed } = sendRaw(port, `GET / HTTP/${version}\r\nHost: x\r\nConnection: close\r\n\r\n`)
  await expect.poll(() => sink).toBeDefined()
  if (headers) {
    sink!.head(200, headers)
    sink!.write('first')
  }
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    sink!.finished()
    await vi.advanceTimersByTimeAsync(10_000)
  } finally {
    vi.useRealTimers()
  }
  if (!headers) sink!.head(200, EVENTS)
  sink!.end('last')
  await closed
  expect(text().split(asked)).toHaveLength(times + 1)
})

it.each([
  ['it is given up', (sink: ResponseSink) => sink.destroy()],
  ['the connection was lost before', (_: ResponseSink, response: ServerResponse) => new ResponseSink(response, 60_000)],
])('is cancelled when %s', async (_when, leave) => {
  let sink: ResponseSink | undefined
  const port = await serve((given, response) => {
    given.destroy()
    response.once('close', () => (sink = leave(given, response) ?? given))
  })
  await sendRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n').closed
  await expect.poll(() => sink?.cancellation.aborted).toBe(true)
})

it('gives an answer of one piece its length', async () => {
  const port = await serve((sink) => {
    sink.head(200, EVENTS)
    sink.end('é')
  })
  const { text, closed } = sendRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await closed
  expect(text().toLowerCase()).toContain('content-length: 2')
  expect(text()).not.toContain('chunked')
})

it('writes answers that end in one turn behind all that came with it, and cuts none that has ended', async () => {
  const seen: string[] = []
  const port = await serve((sink, response) => {
    sink.head(200, EVENTS)
    sink.end('whole')
    seen.push(`${response.req.url} ${response.writableEnded}`)
    if (response.req.url === '/cut') sink.destroy()
  })
  const ask = (path: string): ReturnType<typeof sendRaw> =>
    sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  const clients = [ask('/a'), ask('/cut'), ask('/b')]
  await Promise.all(clients.map(({ closed }) => closed))
  expect(clients.map(({ text }) => text().slice(-5))).toEqual(['whole', 'whole', 'whole'])
  expect(seen.sort()).toEqual(['/a false', '/b false', '/cut false'])
})

it('cuts an answer that has not ended', async () => {
  const port = await serve((sink) => {
    sink.head(200, EVENTS)
    sink.write('half')
    sink.destroy()
  })
  const { text, closed } = sendRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await closed
  expect(text()).not.toContain('0\r\n\r\n')
})

it.each(['1.0', '1.1'])(
  'refuses what cannot be written when it is given, and takes another end (HTTP/%s)',
  async (version) => {
    const port = await serve((sink) => {
      sink.head(200, { 'content-length': '5' })
      for (const wrong of [new ArrayBuffer(5), new Uint16Array(2), { length: 5 }])
        expect(() => sink.end(wrong as unknown as Uint8Array)).toThrow(/neither text nor bytes/)
      sink.end('whole')
    })
    const { text, closed } = sendRaw(port, `GET / HTTP/${version}\r\nHost: x\r\nConnection: close\r\n\r\n`)
    await closed
    expect(text()).toMatch(/\r\n\r\nwhole$/)
  },
)

async function serve(answer: (sink: ResponseSink, response: ServerResponse) => void): Promise<number> {
  const server = createServer((_request: IncomingMessage, response: ServerResponse) =>
    answer(new ResponseSink(response, 60_000), response),
  )
  disposers.push(() => server.close().closeAllConnections())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function textOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve(text)).on('error', reject)
    }).on('error', reject)
  })
}

/** @param coded the bytes of a chunked body, one character each */
function decodeChunks(coded: string): string {
  let rest = coded
  let body = ''
  for (;;) {
    const end = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.slice(0, end), 16)
    if (size === 0) return Buffer.from(body, 'latin1').toString()
    body += rest.slice(end + 2, end + 2 + size)
    expect(rest.slice(end + 2 + size, end + 4 + size)).toBe('\r\n')
    rest = rest.slice(end + 4 + size)
  }
}
