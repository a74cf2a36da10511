import { createServer, type IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { sendRaw, until } from './server-fixture.ts'
import { BodyTooLarge, readBody } from './read-body.ts'

describe('a body that was read', () => {
  it('is given whole', () => {
    const payload = new PassThrough() as unknown as IncomingMessage
    let body: Buffer | undefined
    readBody(payload, 100, (_error, read) => (body = read))
    payload.emit('data', Buffer.from('PIECE 1 '))
    payload.emit('data', Buffer.from('PIECE 2'))
    payload.emit('end')
    expect(body?.toString()).toBe('PIECE 1 PIECE 2')
  })

  it('is told of once when it is too long or breaks off', () => {
    for (const break_ of [new Error('broken'), undefined]) {
      const payload = new PassThrough() as unknown as IncomingMessage
      const told: unknown[] = []
      readBody(payload, 10, (error) => told.push(error))
      payload.emit('data', Buffer.from('PIECE 1'))
      if (break_) payload.emit('error', break_)
      else payload.emit('data', Buffer.from('PIECE 2'))
      expect(told).toEqual([break_ ?? expect.any(BodyTooLarge)])
      payload.emit('data', Buffer.from('PIECE 3'))
      payload.emit('end')
      expect(told).toHaveLength(1)
    }
  })

  it('comes from a real request', async () => {
    let body: Buffer | undefined
    const server = createServer((request) => readBody(request, 100, (_error, read) => (body = read)))
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
