import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { isPublicAddress } from './addresses.ts'
import { download, downloadBy, type HopRules } from './download.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

interface Listening {
  readonly port: number
  /** Connections so far. */
  readonly connections: () => number
}

async function listen(answer: RequestListener, host = '127.0.0.1', port = 0): Promise<Listening> {
  let connections = 0
  const server = createServer(answer)
    .on('connection', () => connections++)
    .listen(port, host)
  await once(server, 'listening')
  servers.push(server)
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

const PRIVATE = { allowPrivate: true }

describe('a download', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '127.0.0.1.',
    '１２７.0.0.1',
    '①②⑦.0.0.1',
    '0',
    '0.0.0.0',
    'localhost',
    'localhost.',
    'LOCALHOST',
    'ⓛocalhost',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '169.254.169.254',
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.1',
    '100.64.0.1',
  ])('S12, row 138: https://%s is refused without a connection', async (host) => {
    const { port, connections } = await listen((_, response) => response.end('{}'))
    for (const scheme of ['https', 'http']) {
      const refused = download(`${scheme}://${host}:${port}/x`, { allowPrivate: false })
      await expect(refused).rejects.toMatchObject({ code: 'CCR_INSTALL_SOURCE' })
    }
    expect(connections()).toBe(0)
  })

  it('S12: of any address with this machine or its network in it, none is public', () => {
    const octet = fc.integer({ min: 0, max: 255 })
    const inside = fc
      .tuple(fc.constantFrom('127', '10', '192.168', '169.254', '0'), octet, octet, octet)
      .map(([first, ...rest]) => [first, ...rest].join('.').split('.').slice(0, 4).join('.'))
    const wrapped = fc.tuple(inside, fc.constantFrom('', '::ffff:', '::', '64:ff9b::'))
    fc.assert(fc.property(wrapped, ([address, prefix]) => !isPublicAddress(prefix + address)))
    expect(['8.8.8.8', '2606:4700::1', '::ffff:8.8.8.8'].map(isPublicAddress)).toEqual([true, true, true])
    expect(['', 'x', 'fe80::1%eth0', '2606:4700::1%eth0'].map(isPublicAddress)).toEqual([false, false, false, false])
  })

  it('gives the bytes, their type and where they came from, past a redirect', async () => {
    const seen: unknown[] = []
    const { port } = await listen((request, response) => {
      seen.push([request.headers.cookie, request.headers.authorization])
      if (request.url === '/a') response.writeHead(302, { location: '/b', 'set-cookie': 'a=b' }).end()
      else response.writeHead(200, { 'content-type': 'Application/JSON; charset=utf-8' }).end('{"a":1}')
    })
    const { bytes, contentType, url } = await download(`http://127.0.0.1:${port}/a`, PRIVATE)
    expect(Buffer.from(bytes).toString()).toBe('{"a":1}')
    expect([contentType, url]).toEqual(['application/json', `http://127.0.0.1:${port}/b`])
    expect(seen).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ])
  })

  it('asks nobody but the check where a name leads', async () => {
    const { port } = await listen((request, response) => response.end(request.headers.host))
    // Names that no resolver needs to know.
    const { bytes } = await download(`http://somewhere.localhost:${port}/`, PRIVATE)
    expect(Buffer.from(bytes).toString()).toBe(`somewhere.localhost:${port}`)
  })

  it('row 138: a redirect to an address that is not allowed is refused without a connection', async () => {
    const inside = await listen((_, response) => response.end('secret'), '127.0.0.1')
    const outside = await listen((request, response) => {
      const host = request.url === '/name' ? 'localhost' : '127.0.0.1'
      response.writeHead(307, { location: `http://${host}:${inside.port}/api` }).end()
    }, '127.0.0.2')
    const rules: HopRules = { allowHttp: true, allowAddress: (address) => address === '127.0.0.2' }
    for (const path of ['/address', '/name']) {
      await expect(downloadBy(rules, `http://127.0.0.2:${outside.port}${path}`, {})).rejects.toThrow(/is not public/)
    }
    expect([outside.connections(), inside.connections()]).toEqual([2, 0])
  })

  it('row 138: what redirects for ever is left', async () => {
    const { port, connections } = await listen((_, response) => response.writeHead(301, { location: '/' }).end())
    await expect(download(`http://127.0.0.1:${port}/`, PRIVATE)).rejects.toThrow(/redirects more than 3 times/)
    expect(connections()).toBe(4)
  })

  it.each([
    ['that says its length', true],
    ['that does not', false],
  ])('row 138: a body of 6 MiB %s is given up', async (_, told) => {
    const body = Buffer.alloc(6 * 1024 * 1024)
    const { port } = await listen((_request, response) => {
      response.writeHead(200, told ? { 'content-length': body.length } : {}).end(body)
    })
    const refused = download(`http://127.0.0.1:${port}/`, PRIVATE)
    await expect(refused).rejects.toThrow(/larger than 5242880 bytes/)
  })

  it('row 138: one that drips is given up at its deadline', async () => {
    let gone: (() => void) | undefined
    const left = new Promise<void>((resolve) => (gone = resolve))
    const { port } = await listen((_, response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write('.'), 20)
      response.once('close', () => (clearInterval(drip), gone?.()))
    })
    const refused = download(`http://127.0.0.1:${port}/`, { allowPrivate: true, timeoutMs: 200 })
    await expect(refused).rejects.toThrow(/not complete within 0.2 s/)
    await left
  })

  it('ends with the signal of its caller', async () => {
    const stop = new AbortController()
    const { port } = await listen(() => stop.abort())
    const refused = download(`http://127.0.0.1:${port}/`, { allowPrivate: true, signal: stop.signal })
    await expect(refused).rejects.toThrow(/was given up/)
  })

  it.each([
    ['https://user:word@example.com/', /holds credentials/],
    ['ftp://example.com/', /ftp is not accepted/],
    ['file:///etc/passwd', /file is not accepted/],
    ['nothing', /is not a URL/],
  ])('%s is refused, and no password repeated', async (url, message) => {
    const refused = download(url, PRIVATE)
    await expect(refused).rejects.toThrow(message)
    await expect(refused).rejects.not.toThrow(/word/)
  })

  it('tells a status and a connection that fails', async () => {
    const { port } = await listen((_, response) => response.writeHead(404).end())
    await expect(download(`http://127.0.0.1:${port}/`, PRIVATE)).rejects.toThrow(/status 404/)
    await expect(download('http://127.0.0.1:1/', PRIVATE)).rejects.toThrow(/ECONNREFUSED|bad port/)
  })
})
