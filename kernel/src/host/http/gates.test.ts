import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkGates } from './gates.ts'
import { createHostNames, type BoundAddress } from './host-names.ts'

const LOOPBACK: BoundAddress = { host: '127.0.0.1', port: 3456, allowedHosts: [] }

describe('Host', () => {
  it.each(['127.0.0.1:3456', 'localhost:3456', 'LOCALHOST:3456', '[::1]:3456'])('lets %s in', (host) => {
    expect(statusOf({ host })).toBeUndefined()
  })

  it.each([
    'evil.example:3456',
    'localhost.evil.example',
    '127.0.0.1.evil.example:3456',
    '127.0.0.1:1',
    'localhost',
    '',
    '[::1]',
    'localhost:3456.evil.example',
  ])('refuses %j', (host) => {
    expect(statusOf({ host })).toBe(403)
  })

  it('needs no port where the port is 80', () => {
    expect(statusOf({ host: 'localhost' }, { ...LOOPBACK, port: 80 })).toBeUndefined()
  })

  it.each([
    ['router.lan', 'router.lan:3456', undefined],
    ['router.lan', 'router.lan', undefined],
    ['router.lan', 'router.lan:1', 403],
    ['router.lan:8080', 'router.lan:8080', undefined],
    ['router.lan:8080', 'router.lan:3456', 403],
    ['https://Router.lan/', 'router.lan', undefined],
  ])('with %s allowed, answers %s with %s', (allowed, host, status) => {
    expect(statusOf({ host }, { ...LOOPBACK, allowedHosts: [allowed] })).toBe(status)
  })

  it.each([
    ['192.168.1.5:3456', undefined],
    ['192.168.1.6:3456', 403],
    ['evil.example:3456', 403],
  ])('on every interface, takes the address that was reached: %s gives %s', (host, status) => {
    expect(statusOf({ host }, { ...LOOPBACK, host: '0.0.0.0' })).toBe(status)
  })

  it('refuses two, even equal ones', () => {
    expect(
      checkGates(
        request({ host: 'localhost:3456' }, { rawHeaders: ['Host', 'localhost:3456', 'hOST', 'localhost:3456'] }),
        rules(),
      )?.status,
    ).toBe(400)
  })

  it('is counted by its whole name', () => {
    expect(statusOf({ host: 'localhost:3456', from: 'somebody' })).toBeUndefined()
  })

  it('refuses none', () => {
    expect(checkGates(request({}, { rawHeaders: [] }), rules())?.status).toBe(400)
  })

  it('refuses any name that is not one of the served', () => {
    const { hosts } = createHostNames(LOOPBACK)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webAuthority(),
          fc.constantFrom(...hosts).chain((host) => fc.string({ minLength: 1 }).map((tail) => host + tail)),
        ),
        (host) => {
          fc.pre(!hosts.has(host.toLowerCase()))
          expect(statusOf({ host })).toBe(403)
        },
      ),
    )
  })
})

describe('request target', () => {
  it.each(['http://evil.example/', 'http://127.0.0.1:3456/health', '*', '', 'evil.example:443'])(
    'refuses %j',
    (url) => {
      expect(checkGates(request({ host: 'localhost:3456' }, { url }), rules())?.status).toBe(400)
    },
  )
})

describe('Origin', () => {
  it.each(['http://127.0.0.1:3456', 'http://localhost:3456', 'http://[::1]:3456'])('lets %s in', (origin) => {
    expect(statusOf({ host: 'localhost:3456', origin })).toBeUndefined()
  })

  it.each([
    'https://evil.example',
    'null',
    '',
    'http://localhost:9999',
    'http://localhost',
    'https://localhost:3456',
    'http://127.0.0.1.evil.example:3456',
    'http://localhost:3456/',
    'HTTP://LOCALHOST:3456',
  ])('refuses %j', (origin) => {
    const refusal = checkGates(request({ host: 'localhost:3456', origin }), rules())
    expect(refusal).toMatchObject({ status: 403, type: 'permission_error' })
    expect(Object.keys(refusal?.headers ?? {})).toEqual([])
  })
})

it.each([
  ['POST', 'cross-site', 403],
  ['POST', 'same-site', 403],
  ['POST', 'same-origin', undefined],
  ['POST', 'none', undefined],
  ['GET', 'cross-site', undefined],
  ['HEAD', 'cross-site', undefined],
])('%s with Sec-Fetch-Site %s gives %s', (method, site, status) => {
  expect(checkGates(request({ host: 'localhost:3456', 'sec-fetch-site': site }, { method }), rules())?.status).toBe(
    status,
  )
})

it.each([
  [{ 'content-length': '100' }, undefined],
  [{ 'content-length': '101' }, 413],
  [{ 'content-encoding': 'gzip' }, 415],
  [{ 'content-encoding': 'identity' }, undefined],
])('body headers %j give %s', (headers, status) => {
  expect(statusOf({ host: 'localhost:3456', ...headers })).toBe(status)
})

it.each([
  [500, undefined],
  [501, 431],
])('%i headers give %s', (count, status) => {
  const others = Array.from({ length: count - 1 }, (_, at) => [`x-${at}`, ''])
  expect(statusOf({ ...Object.fromEntries(others), host: 'localhost:3456' })).toBe(status)
})

it.each<[string, Record<string, string>, string?]>([
  ['without a path', { host: 'localhost:3456' }, '*'],
  ['of another host', { host: 'evil.example' }],
  ['of another origin', { host: 'localhost:3456', origin: 'null' }],
  ['of another site', { host: 'localhost:3456', 'sec-fetch-site': 'cross-site' }],
  ['that is too large', { host: 'localhost:3456', 'content-length': '101' }],
])('closes the connection of a request %s, whose body is not read', (_name, headers, url = '/') => {
  expect(checkGates(request(headers, { url }), rules())).toMatchObject({ close: true })
})

function statusOf(headers: Record<string, string>, bound: BoundAddress = LOOPBACK): number | undefined {
  return checkGates(request(headers), rules(bound))?.status
}

function rules(bound: BoundAddress = LOOPBACK) {
  return { names: createHostNames(bound), bodyBytes: 100 }
}

/** As much of a request as the gates look at. */
function request(
  headers: Record<string, string>,
  part: { method?: string; url?: string; rawHeaders?: string[] } = {},
): IncomingMessage {
  const rawHeaders = Object.entries(headers).flat()
  const socket = { localAddress: '::ffff:192.168.1.5', localPort: 3456 }
  return { method: 'POST', url: '/v1/messages', headers, rawHeaders, socket, ...part } as unknown as IncomingMessage
}
