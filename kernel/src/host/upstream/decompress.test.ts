import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { until } from '../http/server-fixture.ts'
import { readsOf, requestTo, startUpstreams, text } from './transport-fixture.ts'

const { transport, http } = startUpstreams()

describe('content codings', () => {
  const plain = 'event: ping\n\n'.repeat(1000)
  it.each([
    ['gzip', gzipSync(plain)],
    ['x-gzip', gzipSync(plain)],
    ['br', brotliCompressSync(plain)],
    ['deflate', deflateSync(plain)],
    ['identity', Buffer.from(plain)],
  ])('reads %s', async (coding, bytes) => {
    const url = await http(
      (_request, response) => void response.writeHead(200, { 'content-encoding': coding }).end(bytes),
    )
    expect(await text((await transport().send(requestTo(url))).body)).toBe(plain)
  })

  const UNKNOWN = ['gzip, gzip, gzip', 'zstd', 'compress', 'constructor', '__proto__']
  it.each(UNKNOWN)('refuses %s and closes the connection', async (coding) => {
    let closed = false
    const url = await http((request, response) => {
      request.socket.once('close', () => (closed = true))
      response.writeHead(200, { 'content-encoding': coding }).write('x')
    })
    await expect(transport().send(requestTo(url))).rejects.toMatchObject({ code: 'CCR_STREAM_INVALID' })
    await until(() => closed)
  })

  it.each(UNKNOWN)(
    'tells the status of an error in %s, without its body, and closes the connection',
    async (coding) => {
      let closed = false
      const url = await http((request, response) => {
        request.socket.once('close', () => (closed = true))
        response.writeHead(429, { 'content-encoding': coding, 'retry-after': '7' }).write('x')
      })
      const answer = await transport().send(requestTo(url))
      expect([answer.status, answer.headers['retry-after'], await text(answer.body)]).toEqual([429, '7', ''])
      await until(() => closed)
    },
  )

  it.each([
    ['br', Buffer.from('this is not compressed')],
    ['br', brotliCompressSync(plain).subarray(0, 9)],
    ['gzip', Buffer.from('this is not compressed')],
    ['gzip', gzipSync(plain).subarray(0, 12)],
    ['deflate', Buffer.from('this is not compressed')],
  ])('says that what calls itself %s and is not, or not all of it, is broken', async (coding, bytes) => {
    const url = await http(
      (_request, response) => void response.writeHead(200, { 'content-encoding': coding }).end(bytes),
    )
    const { body } = await transport().send(requestTo(url))
    await expect(text(body)).rejects.toMatchObject({ code: 'CCR_STREAM_INVALID' })
  })

  it('hands out a compressed event before the next one comes', async () => {
    let next: (() => void) | undefined
    const url = await http((_request, response) => {
      const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH })
      response.writeHead(200, { 'content-encoding': 'gzip' })
      gzip.pipe(response)
      gzip.write('one')
      next = () => gzip.end('two')
    })
    const reader = readsOf((await transport().send(requestTo(url))).body)[Symbol.asyncIterator]()
    expect(Buffer.from((await reader.next()).value as Uint8Array).toString()).toBe('one')
    next?.()
    expect(Buffer.from((await reader.next()).value as Uint8Array).toString()).toBe('two')
    expect((await reader.next()).done).toBe(true)
  })

  it.each(['truncated', 'broken off'])('tells a reader that waits of a %s answer when it is done', async (how) => {
    const bytes = gzipSync(plain)
    const url = await http((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.write(bytes.subarray(0, bytes.length - 12), () => {
        if (how === 'truncated') response.end()
        else setTimeout(() => response.destroy(), 20)
      })
    })
    const { body } = await transport().send(requestTo(url))
    let go: (() => void) | undefined
    let failed: unknown
    body.readTo({
      piece: () => new Promise((resolve) => (go ??= resolve)),
      end: () => undefined,
      fail: (reason) => (failed = reason),
    })
    await until(() => go !== undefined)
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(failed).toBeUndefined()
    go!()
    await until(() => failed !== undefined)
  })

  it('tells nothing to a reader that left', async () => {
    const url = await http(
      (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).write(gzipSync(plain)),
    )
    const { body } = await transport().send(requestTo(url))
    const heard: string[] = []
    let go: (() => void) | undefined
    body.readTo({
      piece: () => new Promise((resolve) => (go ??= resolve)),
      end: () => void heard.push('end'),
      fail: () => void heard.push('fail'),
    })
    await until(() => go !== undefined)
    body.leave()
    go!()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(heard).toEqual([])
  })

  it.each([
    ['br', brotliCompressSync('end')],
    ['deflate', deflateSync('end')],
    ['gzip', gzipSync('end')],
  ])('closes the connection when more follows the end of %s', async (coding, bytes) => {
    let closed = false
    const url = await http((request, response) => {
      request.socket.once('close', () => (closed = true))
      response.writeHead(200, { 'content-encoding': coding }).write(Buffer.concat([bytes, Buffer.alloc(64)]))
    })
    expect(await text((await transport().send(requestTo(url))).body)).toBe('end')
    await until(() => closed)
  })

  it('gives up an answer that swells more than a hundredfold', async () => {
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024))
    const url = await http(
      (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    )
    const response = await transport().send(requestTo(url))
    let read = 0
    await expect(
      (async () => {
        for await (const chunk of readsOf(response.body)) read += chunk.length
      })(),
    ).rejects.toMatchObject({ code: 'CCR_STREAM_LIMIT' })
    expect(read).toBeLessThan(64 * 1024 * 1024)
  })

  it('fails a compressed answer that is cut', async () => {
    const bytes = gzipSync(plain)
    const url = await http(
      (_request, response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes.subarray(0, bytes.length - 12)),
    )
    const { body } = await transport().send(requestTo(url))
    await expect(text(body)).rejects.toMatchObject({ code: 'CCR_STREAM_INVALID' })
  })
})
