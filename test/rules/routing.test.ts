import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { completion, message, sendJson, startUpstream, type Upstream } from './upstream.ts'

const START_MS = 40_000
const STACK = /\bat .*:\d+:\d+|node_modules|\.[jt]s\b|file:\/\//

let upstream: Upstream
let router: RunningRouter

beforeAll(async () => {
  upstream = await startUpstream((request, response) =>
    sendJson(request.url.endsWith('/messages') ? message('hello') : completion('hello'))(request, response),
  )
  router = await startRouter({
    config: {
      Providers: [
        { name: 'p', api_base_url: upstream.url, api_key: 'k', models: ['a,b', 'plain'], dialect: 'anthropic' },
        { name: 'chat', api_base_url: `${upstream.url}/v1`, api_key: 'k', models: ['a,b'] },
      ],
      Router: { default: 'p,plain' },
    },
  })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

describe('the model of a request', () => {
  it.each([
    ['p,a,b', '/v1/messages', 'a,b'],
    ['P,A,B', '/v1/messages', 'a,b'],
    ['p,vendor/model:free', '/v1/messages', 'vendor/model:free'],
    ['p,claude-sonnet-5[1m]', '/v1/messages', 'claude-sonnet-5[1m]'],
    ['chat,a,b', '/v1/chat/completions', 'a,b'],
  ])('rule 1: %s goes to its provider, which is asked for all after the first comma', async (asked, path, model) => {
    const { status } = await ask(`${router.url}/v1/messages`, { body: messagesBody(asked, false) })
    expect(status).toBe(200)
    expect(upstream.last.url).toBe(path)
    expect(upstream.last.json['model']).toBe(model)
  })

  it.each([
    ['is absent', { model: undefined }],
    ['is empty', { model: '' }],
    ['is null', { model: null }],
    ['is a number', { model: 5 }],
  ])('rule 22: that %s is a 400 of the protocol', async (_, fields) => {
    const { status, json } = await ask(`${router.url}/v1/messages`, { body: messagesBody('m', false, fields) })
    expect(status).toBe(400)
    expect(json).toEqual({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.stringContaining('/model') as string },
      request_id: expect.stringMatching(/^req_/) as string,
    })
  })

  it.each(['nobody,model', 'nobody,', ',model', 'p,'])('rule 23: %s is a 404 without a stack', async (model) => {
    const { status, json, text } = await ask(`${router.url}/v1/messages`, { body: messagesBody(model, false) })
    expect(status).toBe(404)
    expect(json).toMatchObject({ type: 'error', error: { type: 'not_found_error' } })
    expect(text).not.toMatch(STACK)
  })
})
