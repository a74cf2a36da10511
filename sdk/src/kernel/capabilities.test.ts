import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allowsHost, heldTo, isCapability, secretNames } from './capabilities.ts'
import type { Facilities } from '../facilities.ts'
import { Secret } from '../secret.ts'

/** Notes what reaches it. */
function backing() {
  const reached: string[] = []
  const note = <T>(what: string, value: T): T => {
    reached.push(what)
    return value
  }
  const all: Facilities = {
    files: {
      read: async (name) => note(`read ${name}`, undefined),
      write: async (name) => note(`write ${name}`, undefined),
      list: async () => note('list', []),
      remove: async (name) => note(`remove ${name}`, undefined),
    },
    http: { fetch: async (url) => note(`fetch ${String(url)}`, new Response('ok')) },
    secrets: { get: (name) => note(`get ${name}`, new Secret('value')) },
  }
  return { all, reached }
}

function held(...granted: readonly string[]) {
  const { all, reached } = backing()
  const stop = new AbortController()
  return { ...heldTo(granted, 'sample', stop.signal, all), reached, stop }
}

describe('a capability', () => {
  it.each([
    'files',
    'network:api.example.com',
    'network:*.example.com',
    'network:*',
    'network:127.0.0.1:8080',
    'network:[::1]:80',
    'secrets:EXAMPLE_KEY',
  ])('%s is one', (text) => expect(isCapability(text)).toBe(true))

  it.each([
    '',
    'file',
    'files:/etc',
    'network:',
    'network:https://api.example.com',
    'network:API.example.com',
    'network:*example.com',
    'network:a.*.com',
    'network:host:port',
    'secrets:',
    'secrets:A B',
    'secrets:*',
    'process',
    7,
  ])('%s is none', (text) => expect(isCapability(text)).toBe(false))

  it('names variables', () => expect(secretNames(['files', 'secrets:A', 'secrets:B_C'])).toEqual(['A', 'B_C']))
})

describe('the hosts that capabilities name', () => {
  it.each([
    ['network:api.example.com', 'https://api.example.com/v1', true],
    ['network:api.example.com', 'http://api.example.com:8080/', true],
    ['network:api.example.com', 'https://API.EXAMPLE.COM/', true],
    ['network:api.example.com', 'https://api.example.com.evil.example/', false],
    ['network:api.example.com', 'https://api.example.com@evil.example/', false],
    ['network:api.example.com', 'https://evil.example/?api.example.com', false],
    ['network:api.example.com', 'https://xapi.example.com/', false],
    ['network:api.example.com', 'https://api.example.com./', false],
    ['network:api.example.com:8443', 'https://api.example.com:8443/', true],
    ['network:api.example.com:443', 'https://api.example.com/', true],
    ['network:api.example.com:443', 'http://api.example.com/', false],
    ['network:*.example.com', 'https://a.b.example.com/', true],
    ['network:*.example.com', 'https://example.com/', false],
    ['network:*.example.com', 'https://evilexample.com/', false],
    ['network:[::1]:80', 'http://[::1]/', true],
    ['network:127.0.0.1', 'http://2130706433/', true],
    ['network:*', 'https://anything.example/', true],
    ['network:*:443', 'http://anything.example/', false],
    ['files', 'https://files/', false],
  ])('%s, %s: %s', (capability, url, allowed) => expect(allowsHost([capability], new URL(url))).toBe(allowed))

  it('are no others, whatever the address is', () => {
    const granted = ['network:api.example.com', 'network:*.cdn.example']
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.domain(), (url, host) => {
        const given = new URL(url)
        given.hostname = host
        const meant = given.hostname === 'api.example.com' || given.hostname.endsWith('.cdn.example')
        expect(allowsHost(granted, given)).toBe(meant)
      }),
    )
  })
})

describe('facilities', () => {
  it('refuse what was not declared, name the capability and reach nothing', async () => {
    const { files, http, secrets, reached } = held()
    const refusals = [
      [files.read('a'), "'files'"],
      [files.write('a', ''), "'files'"],
      [files.list(), "'files'"],
      [files.remove('a'), "'files'"],
      [http.fetch('https://api.example.com:8443/x'), "'network:api.example.com:8443'"],
      [Promise.resolve().then(() => secrets.get('EXAMPLE_KEY')), "'secrets:EXAMPLE_KEY'"],
    ] as const
    for (const [refused, remedy] of refusals) {
      await expect(refused).rejects.toMatchObject({ code: 'CCR_PLUGIN_CAPABILITY', plugin: 'sample' })
      await expect(refused).rejects.toThrow(`add ${remedy} to its capabilities`)
    }
    expect(reached).toEqual([])
  })

  it('give what was declared', async () => {
    const { files, http, secrets, reached } = held('files', 'network:api.example.com', 'secrets:EXAMPLE_KEY')
    await files.write('cache.json', '{}')
    await files.read('cache.json')
    await files.list()
    await files.remove('cache.json')
    await http.fetch('https://api.example.com/v1')
    expect(String(secrets.get('EXAMPLE_KEY'))).toBe('[secret]')
    const expected = ['write cache.json', 'read cache.json', 'list', 'remove cache.json']
    expect(reached).toEqual([...expected, 'fetch https://api.example.com/v1', 'get EXAMPLE_KEY'])
  })

  it.each(['ftp://api.example.com/', 'api.example.com', 'file:///etc/passwd', ''])('fetch no %s', async (url) => {
    const { http, reached } = held('network:*')
    await expect(http.fetch(url)).rejects.toMatchObject({ code: 'CCR_PLUGIN_CAPABILITY' })
    expect(reached).toEqual([])
  })

  it.each(['', '.', '..', '../../x', 'a/b', 'a\\b', '/etc/passwd', '.hidden', 'a\0b', 'CON', 'nul.txt', 'x.', 'a.tmp'])(
    'have no file named %j',
    async (name) => {
      const { files, reached } = held('files')
      await expect(files.write(name, '')).rejects.toMatchObject({ code: 'CCR_PLUGIN_CAPABILITY' })
      await expect(files.read(name)).rejects.toMatchObject({ code: 'CCR_PLUGIN_CAPABILITY' })
      await expect(files.remove(name)).rejects.toMatchObject({ code: 'CCR_PLUGIN_CAPABILITY' })
      expect(reached).toEqual([])
    },
  )

  it('never name a file outside their directory, whatever is asked for', async () => {
    const pieces = fc.constantFrom('..', '/', '\\', 'a', '.', '\0', 'C:', '~', '%2e', ' ', 'é', '_b')
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 8 }), async (parts) => {
        const { files, reached } = held('files')
        await files.read(parts.join('')).catch(() => undefined)
        for (const one of reached) expect(one).toMatch(/^read [A-Za-z0-9_][A-Za-z0-9._-]*$/)
      }),
    )
  })

  it('are gone with the plugin', async () => {
    const { files, http, secrets, stop, reached } = held('files', 'network:*', 'secrets:A')
    stop.abort()
    const stale = { code: 'CCR_PLUGIN_STALE' }
    await expect(files.list()).rejects.toMatchObject(stale)
    await expect(http.fetch('https://a.example/')).rejects.toMatchObject(stale)
    await expect(Promise.resolve().then(() => secrets.get('A'))).rejects.toMatchObject(stale)
    expect(reached).toEqual([])
  })
})
