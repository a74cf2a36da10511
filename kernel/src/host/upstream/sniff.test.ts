import { Cancellation } from '@ccr/sdk/kernel'
import { describe, expect, it } from 'vitest'
import { readsOf, requestTo, startUpstreams, text } from './transport-fixture.ts'

const { transport, http } = startUpstreams()
const typeOf = (headers: Readonly<Record<string, string>>): string | undefined => headers['content-type']

describe('the answer to a request for a stream', () => {
  it.each([
    ['text/plain', 'data: 1\n\n'],
    ['application/octet-stream', ': hello\n\n'],
    ['application/json', '\r\n \nevent: x\n\n'],
    [undefined, '\ufeffdata: 1\n\n'],
    [undefined, '\ufeff:\n\n'],
    ['text/plain', 'retry:1\n\n'],
    ['TEXT/plain; charset=utf-8', 'id: 4\n\n'],
  ])('of the type %s is one of events when it begins as such, from its first piece on', async (type, first) => {
    const url = await http((_, response) => {
      // Byte by byte, and never ended.
      response.writeHead(200, type === undefined ? {} : { 'content-type': type })
      const bytes = [...Buffer.from(first)]
      const next = (): void => {
        response.write(Buffer.of(bytes.shift()!))
        if (bytes.length > 0) setTimeout(next, 2)
      }
      next()
    })
    const { headers, body } = await transport().send(requestTo(url, { stream: true }))
    expect(typeOf(headers)).toBe('text/event-stream')
    let read = ''
    for await (const piece of readsOf(body)) {
      read += Buffer.from(piece).toString()
      if (read === first) break
    }
  })

  it.each([
    ['application/json', '{"a":1}'],
    ['text/plain', 'database: none'],
    ['text/plain', 'idle'],
    ['text/html', ' '.repeat(3000)],
    ['application/json', ''],
    ['application/jsonl', '\n\n[1]\n'],
  ])('of the type %s keeps it otherwise, and every byte: %j', async (type, all) => {
    const url = await http((_, response) => void response.writeHead(200, { 'content-type': type }).end(all))
    const { headers, body } = await transport().send(requestTo(url, { stream: true }))
    expect(typeOf(headers)).toBe(type)
    expect(await text(body)).toBe(all)
  })

  it('is read to its last byte, however large it is', async () => {
    const all = `data: ${'x'.repeat(3_000_000)}\n\n`
    const url = await http((_, response) => void response.writeHead(200, { 'content-type': 'text/plain' }).end(all))
    const { body } = await transport().send(requestTo(url, { stream: true }))
    // Nobody reads it for a while.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await text(body)).toBe(all)
  })

  it.each(['breaks', 'is given up'])('fails for its reader when it %s before it said anything', async (how) => {
    const signal = new Cancellation()
    const url = await http((_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).write(' ')
      setTimeout(() => (how === 'breaks' ? response.destroy() : signal.abort(new Error('gone'))), 30)
    })
    const { body } = await transport().send(requestTo(url, { stream: true, signal }))
    await expect(text(body)).rejects.toThrow(how === 'breaks' ? /./ : 'gone')
  })

  it('keeps its type when it is an error, or when no stream was asked for', async () => {
    let status = 400
    const url = await http((_, response) => {
      response.writeHead(status, { 'content-type': 'text/plain' }).end('data: 1\n\n')
    })
    expect(typeOf((await transport().send(requestTo(url, { stream: true }))).headers)).toBe('text/plain')
    status = 200
    expect(typeOf((await transport().send(requestTo(url))).headers)).toBe('text/plain')
  })
})
