import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Secret } from '@ccr/sdk'
import { HostFacilities } from './facilities.ts'

let home: string
beforeEach(async () => void (home = await mkdtemp(join(tmpdir(), 'ccr-facilities-'))))
afterEach(() => rm(home, { recursive: true, force: true }))

describe('ctx.files', () => {
  it('keeps files of one entry, private and whole', async () => {
    const { files } = new HostFacilities({ home, env: {} }).of('default/cache')
    expect(await files.list()).toEqual([])
    expect(await files.read('a.json')).toBeUndefined()
    await files.write('b.bin', new Uint8Array([1, 2, 255]))
    await files.write('a.json', '{"é":1}')
    await files.write('a.json', '{}')
    expect(await files.list()).toEqual(['a.json', 'b.bin'])
    expect((await files.read('a.json'))?.toString()).toBe('{}')
    expect(await files.read('b.bin')).toEqual(Buffer.from([1, 2, 255]))
    const folder = join(home, 'data/plugins/default/cache')
    expect([(await stat(folder)).mode & 0o777, (await stat(join(folder, 'a.json'))).mode & 0o777]).toEqual([
      0o700, 0o600,
    ])
    await files.remove('a.json')
    await files.remove('a.json')
    expect(await files.list()).toEqual(['b.bin'])
  })

  it('does not list what an interrupted write left behind', async () => {
    const { files } = new HostFacilities({ home, env: {} }).of('default/cache')
    await files.write('a', 'whole')
    await writeFile(join(home, 'data/plugins/default/cache/a.0123456789ab.tmp'), 'ha')
    expect(await files.list()).toEqual(['a'])
  })

  it('is apart for each entry, also one whose id means a folder', async () => {
    const all = new HostFacilities({ home, env: {} })
    for (const owner of ['default/a', 'other/a', 'default/..', 'default/file%3A.%2Fx.ts']) {
      expect(await all.of(owner).files.list()).toEqual([])
      await all.of(owner).files.write('mine', owner)
    }
    expect(await readdir(join(home, 'data'))).toEqual(['plugins'])
    expect((await readdir(join(home, 'data/plugins/default'))).sort()).toEqual(['%2E%2E', 'a', 'file%3A.%2Fx.ts'])
  })
})

describe('ctx.secrets', () => {
  it('gives what is set, as a secret', () => {
    const { secrets } = new HostFacilities({ home, env: { A: 'value', EMPTY: '' } }).of('default/a')
    expect(secrets.get('A')?.reveal()).toBe('value')
    expect([secrets.get('EMPTY'), secrets.get('NONE'), secrets.get('toString')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('ctx.http', () => {
  let server: Server
  let seen: IncomingMessage[]
  let url: string
  beforeEach(async () => {
    seen = []
    server = createServer((request, response) => {
      seen.push(request)
      if (request.url === '/redirect') return void response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()
      if (request.url === '/silent') return
      request.pipe(response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  it('sends method, headers, credentials and body, and gives a response', async () => {
    const all = new HostFacilities({ home, env: {} })
    const { http } = all.of('default/a')
    const auth = { scheme: 'bearer', secret: new Secret('sk-1') } as const
    const response = await http.fetch(`${url}/x?y=1`, { method: 'POST', headers: { 'x-a': 'b' }, auth, body: 'hello' })
    expect([response.status, await response.text()]).toEqual([200, 'hello'])
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/x?y=1' })
    expect(seen[0]!.headers).toMatchObject({ authorization: 'Bearer sk-1', 'x-a': 'b' })
    const named = { scheme: 'header', name: 'x-api-key', secret: new Secret('sk-2') } as const
    await (await http.fetch(url, { auth: named })).text()
    expect(seen[1]).toMatchObject({ method: 'GET', headers: { 'x-api-key': 'sk-2' } })
    all.close()
  })

  it('follows no redirect', async () => {
    const all = new HostFacilities({ home, env: {} })
    const response = await all.of('default/a').http.fetch(`${url}/redirect`)
    expect([response.status, response.headers.get('location')]).toEqual([302, 'http://127.0.0.1:9/'])
    all.close()
  })

  it('ends when its signal says so', async () => {
    const all = new HostFacilities({ home, env: {} })
    const stop = new AbortController()
    const answer = all.of('default/a').http.fetch(`${url}/silent`, { signal: stop.signal })
    await once(server, 'request')
    stop.abort(new Error('enough'))
    await expect(answer).rejects.toThrow('enough')
    all.close()
  })

  it('goes through the proxy of the config, except to this machine', async () => {
    const asked: string[] = []
    let hangsUp = false
    const proxy = createServer().listen(0, '127.0.0.1')
    proxy.on('connect', (request, socket) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization']}`)
      if (hangsUp) socket.destroy()
      else socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    })
    await once(proxy, 'listening')
    const all = new HostFacilities({ home, env: {} })
    all.configure({ proxyUrl: `http://token@127.0.0.1:${(proxy.address() as AddressInfo).port}` })
    const { http } = all.of('default/a')
    expect((await http.fetch(url)).status).toBe(200)
    await expect(http.fetch('http://api.example.invalid/')).rejects.toThrow()
    expect(asked).toEqual([`api.example.invalid:80 Basic ${Buffer.from('token:').toString('base64')}`])
    hangsUp = true
    await expect(http.fetch('http://other.example.invalid/')).rejects.toThrow()
    expect(asked).toHaveLength(2)
    all.close()
    proxy.close()
  })
})
