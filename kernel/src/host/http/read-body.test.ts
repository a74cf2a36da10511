import { createServer, type IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { sendRaw, until } from './server-fixture.ts'
import { BodyReading, NoRoomForBody } from './read-body.ts'

const limits = { one: 100, all: 1_000 }

describe('a body that was read', () => {
  it('is given whole', () => {
    const payload = new PassThrough() as unknown as IncomingMessage
    let body: Buffer | undefined
    new BodyReading().read(payload, limits, (_error, read) => (body = read))
    payload.emit('data', Buffer.from('PIECE 1 '))
    payload.emit('data', Buffer.from('PIECE 2'))
    payload.emit('end')
    expect(body?.toString()).toBe('PIECE 1 PIECE 2')
  })

  it('is the same in pieces of any number and size, of which few are kept', () => {
    for (const [pieces, size] of [
      [9_999, 1],
      [2_048, 3],
      [1_025, 700],
    ] as const) {
      const payload = new PassThrough() as unknown as IncomingMessage
      let body: Buffer | undefined
      new BodyReading().read(payload, { one: 1e6, all: 1e6 }, (_error, read) => (body = read))
      // What a socket read brought, of which each piece is a part and keeps all of it.
      const read = Buffer.from(Array.from({ length: pieces * size }, (_, at) => at % 251))
      const sent = Buffer.from(read)
      for (let at = 0; at < read.length; at += size) payload.emit('data', read.subarray(at, at + size))
      const rest = (pieces % 1_024) * size
      read.fill(0, 0, read.length - rest)
      payload.emit('end')
      expect(body?.equals(sent)).toBe(true)
    }
  })

  it('is told of once when it is too long or breaks off', () => {
    for (const break_ of [new Error('broken'), undefined]) {
      const payload = new PassThrough() as unknown as IncomingMessage
      const told: unknown[] = []
      new BodyReading().read(payload, { one: 7, all: 10 }, (error) => told.push(error))
      payload.emit('data', Buffer.from('PIECE 1'))
      if (break_) payload.emit('error', break_)
      else payload.emit('data', Buffer.from('PIECE 2'))
      expect(told).toEqual([break_ ?? expect.objectContaining({ limit: 7 })])
      payload.emit('data', Buffer.from('PIECE 3'))
      payload.emit('end')
      expect(told).toHaveLength(1)
    }
  })

  it('is refused while too many bytes of others are on their way, and not when it is alone', () => {
    const reading = new BodyReading()
    const told: unknown[] = []
    const begin = (): IncomingMessage => {
      const payload = new PassThrough() as unknown as IncomingMessage
      reading.read(payload, { one: 1_000, all: 100 }, (error, body) => told.push(error ?? body!.length))
      return payload
    }
    const first = begin()
    first.emit('data', Buffer.alloc(500))
    const second = begin()
    second.emit('data', Buffer.alloc(1))
    expect(told).toEqual([expect.any(NoRoomForBody)])
    first.emit('end')
    const third = begin()
    third.emit('data', Buffer.alloc(99))
    third.emit('close')
    const fourth = begin()
    fourth.emit('data', Buffer.alloc(50))
    begin().emit('data', Buffer.alloc(50))
    fourth.emit('end')
    expect(told.slice(1)).toEqual([500, expect.objectContaining({ message: 'the request broke off' }), 50])
  })

  it('comes from a real request', async () => {
    let body: Buffer | undefined
    const server = createServer((request) => new BodyReading().read(request, limits, (_error, read) => (body = read)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { socket } = sendRaw(
      port,
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n',
    )
    await until(() => body !== undefined)
    expect(body?.toString()).toBe('abc')
    socket.destroy()
    server.close().closeAllConnections()
  })
})
