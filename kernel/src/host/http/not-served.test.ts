import type { ClientDialect } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import type { Generation } from '../../core/generation.ts'
import { refusalOf } from './not-served.ts'
import { createEndpointTable, type ProfileEndpoint } from './table.ts'

const exchange = (path: string): ProfileEndpoint => ({
  method: 'POST',
  path,
  dialect: 'x',
  client: {} as ClientDialect,
})
const answered = (path: string, access: 'data' | 'admin'): ProfileEndpoint => ({
  method: 'POST',
  path,
  access,
  respond: () => ({ status: 200 }),
})
const endpoints = [
  exchange('/v1/messages'),
  exchange('/v1/chat/completions'),
  exchange('/v1beta/models/*'),
  answered('/v1/models', 'data'),
  answered('/api/secret', 'admin'),
]
const table = createEndpointTable([
  ...endpoints,
  { ...exchange('/preset/work/v1/messages'), profile: 'work' },
  { ...exchange('/preset/work/v1/only'), profile: 'work' },
])
const generation = { profiles: new Map([['default'], ['work']] as never) } as unknown as Generation

const told = (target: string, method = 'POST'): string => {
  const { status, message } = refusalOf({ method, target, allow: undefined }, table, generation)
  expect(status).toBe(404)
  return message
}

describe('what is not served', () => {
  it.each([
    ['/v1/v1/messages', '/v1/messages'],
    ['/v1/messages/v1/messages', '/v1/messages'],
    ['/any/v1/messages?beta=true', '/v1/messages'],
    ['/messages', '/v1/messages'],
    ['/chat/completions', '/v1/chat/completions'],
    ['/any/chat/completions', '/v1/chat/completions'],
    ['/v1/chat/completions/chat/completions', '/v1/chat/completions'],
    ['/v1/messages/', '/v1/messages'],
    ['//v1//messages', '/v1/messages'],
    ['/V1/Messages', '/v1/messages'],
    ['/models', '/v1/models'],
    ['/v1beta/v1beta/models/a/b:generateContent', '/v1beta/models/a/b:generateContent'],
    ['/models/m:generateContent', '/v1beta/models/m:generateContent'],
    ['/preset/work/v1/v1/only', '/preset/work/v1/only'],
    ['/preset/work/messages', '/preset/work/v1/messages'],
  ])('%s is told that %s is', (target, nearest) => {
    const [path] = target.split('?')
    const advice = 'check the base URL that the client was given'
    expect(told(target)).toBe(`POST ${path} is not served, but POST ${nearest} is: ${advice}`)
  })

  it.each([
    '/v1/embeddings',
    '/v1/messages/batches',
    '/v1/threads/1/messages',
    '/v1/v1/only',
    '//preset/work/v1/only',
    '/API/secret',
    '/x/api/secret',
    '/v1/%zz',
    '/',
    `${'/v1'.repeat(30)}/messages`,
  ])('%s is told where models are asked', (target) => {
    const places = '/v1/chat/completions, /v1/messages, /v1beta/models/*'
    expect(told(target)).toBe(`POST ${target.slice(0, 100)} is not served; models are asked at ${places}`)
  })

  it('is not told of other methods, profiles or endpoints', () => {
    expect(told('/v1/v1/messages', 'GET')).toMatch(/^GET \/v1\/v1\/messages is not served; models are asked at/)
    expect(told('/preset/work/v1/chat/completions')).toMatch(/is not served; models are asked at \/preset\/work\/v1\/m/)
    expect(refusalOf({ method: 'POST', target: '/x', allow: undefined }, createEndpointTable([]), undefined)).toEqual({
      status: 404,
      type: 'not_found_error',
      message: 'POST /x is not served',
    })
  })
})
