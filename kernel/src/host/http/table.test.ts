import type { ClientDialect, Endpoint } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { createEndpointTable } from './table.ts'

const client = {} as ClientDialect
const endpoints: Endpoint[] = [
  { method: 'POST', path: '/v1/messages', dialect: 'anthropic', client },
  { method: 'GET', path: '/v1/models', access: 'data', respond: () => ({ status: 200 }) },
  { method: 'GET', path: '/v1/models/:id', access: 'data', respond: () => ({ status: 200 }) },
  { method: 'HEAD', path: '/', access: 'public', respond: () => ({ status: 204 }) },
  { method: 'POST', path: '/v1beta/models/*', dialect: 'gemini', client },
]
const table = createEndpointTable(endpoints)

describe('finds', () => {
  it.each([
    ['POST', '/v1/messages', endpoints[0], {}],
    ['POST', '/v1/messages?beta=true', endpoints[0], {}],
    ['GET', '/v1/models?limit=1000', endpoints[1], {}],
    ['HEAD', '/v1/models', endpoints[1], {}],
    ['GET', '/v1/models/a%2Fb%20c', endpoints[2], { id: 'a/b c' }],
    ['HEAD', '/', endpoints[3], {}],
    [
      'POST',
      '/v1beta/models/gemini-pro:streamGenerateContent?alt=sse',
      endpoints[4],
      { '*': 'gemini-pro:streamGenerateContent' },
    ],
  ])('%s %s', (method, target, endpoint, params) => {
    expect(table.find(method, target)).toEqual({ endpoint, params })
  })
})

describe('says which methods exist', () => {
  it.each([
    ['GET', '/v1/messages', 'POST'],
    ['OPTIONS', '/v1/messages', 'POST'],
    ['DELETE', '/v1/models', 'GET, HEAD'],
    ['PROPFIND', '/v1/models', 'GET, HEAD'],
    ['GET', '/', 'HEAD'],
  ])('%s %s', (method, target, allow) => {
    expect(table.find(method, target)).toEqual({ allow })
  })
})

describe('does not find', () => {
  it.each([
    '/v1/messages/',
    '/V1/messages',
    '//v1/messages',
    '/v1//messages',
    '/v1/messages;x',
    '/v1/../v1/messages',
    '/v1/%zz',
    '/ui/../v1/messages',
    '/ui%2f..%2fv1/messages',
    `/v1/models/${'a'.repeat(2000)}`,
  ])('%s', (target) => {
    expect(table.find('POST', target)).toBeUndefined()
  })
})

it('keeps the first of two endpoints with the same method and path', () => {
  const twice = createEndpointTable([
    endpoints[1]!,
    { ...endpoints[1]!, access: 'public', respond: () => ({ status: 500 }) },
  ])
  expect(twice.find('GET', '/v1/models')).toMatchObject({ endpoint: { access: 'data' } })
})

describe('a refusal is told in the dialect', () => {
  const [anthropic, gemini] = [{} as ClientDialect, {} as ClientDialect]
  const spoken = createEndpointTable([
    { method: 'POST', path: '/v1/messages', dialect: 'anthropic', client: anthropic },
    { method: 'POST', path: '/v1/models/*', dialect: 'gemini', client: gemini },
    { method: 'POST', path: '/v1beta/models/*', dialect: 'gemini', client: gemini },
    { method: 'POST', path: '/v1beta/more', dialect: 'gemini', client: gemini },
    { method: 'GET', path: '/v1beta/models', access: 'data', respond: () => ({ status: 200 }) },
    { method: 'POST', path: '/preset/a%2Fb/other/path', dialect: 'anthropic', client: anthropic, profile: 'a/b' },
  ])
  it.each([
    ['of the endpoint', 'POST', '/v1/messages?beta=true', anthropic],
    ['of the endpoint below a preset', 'POST', '/preset/any/v1/messages', anthropic],
    ['of nobody where several share the first folder', 'GET', '/v1/messages', undefined],
    ['of nobody where several share the first folder', 'POST', '/v1/files', undefined],
    ['that alone has the first folder', 'GET', '/v1beta/models', gemini],
    ['that alone has the first folder', 'PATCH', '/v1beta/files?pageSize=1', gemini],
    ['that alone has the first folder', 'GET', '/v1beta', gemini],
    ['that alone has the first folder below a preset', 'GET', '/preset/any/v1beta/files', gemini],
    ['that only a preset has', 'GET', '/preset/any/other/files', anthropic],
    ['of nobody where there is none', 'POST', '/v1betas/files', undefined],
    ['of nobody where there is none', 'POST', '/preset/any', undefined],
    ['of nobody where there is none', 'GET', '/', undefined],
    ['of nobody where there is none', 'GET', '/constructor/x', undefined],
  ])('%s: %s %s', (_, method, target, client) => {
    expect(spoken.clientOf(method, target)).toBe(client)
  })
})
