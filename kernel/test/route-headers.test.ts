import { createTestKernel, type TestKernelOptions } from '@ccr/sdk/testing'
import { expect, it } from 'vitest'
import { hello, plainDialect, plugin, routeTo } from './support/plugins.ts'

const told = (headers: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-ccr-')))

async function answerOf(upstream: NonNullable<TestKernelOptions['upstream']>, stream: boolean): Promise<object> {
  const next = plugin('next', (ctx) => ctx.on('onError', () => ({ action: 'next' })))
  const kernel = await createTestKernel({
    plugins: [plainDialect, next, routeTo('test', 'second')],
    providers: [{ dialect: 'plain' }, { name: 'second', dialect: 'plain' }],
    upstream,
  })
  const { status, headers } = await kernel.request({ path: '/plain', body: { ...hello, stream } })
  await kernel.dispose()
  return { status, ...told(headers) }
}

it.each([false, true])('a failure is told with who failed last, and why that was asked', async (stream) => {
  const origin = { 'x-ccr-provider': 'second', 'x-ccr-model': 'model', 'x-ccr-route': 'default; by=route' }
  for (const status of [401, 404, 429, 500]) {
    const answer = await answerOf(() => ({ status, body: Buffer.from('{}') }), stream)
    expect(answer).toMatchObject({ status: expect.any(Number), ...origin })
  }
  const refuse = (): never => {
    throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' })
  }
  expect(await answerOf(refuse, stream)).toMatchObject(origin)
})

it('an answer says what was decided where no target was found', async () => {
  const kernel = await createTestKernel({ plugins: [plainDialect, routeTo('nobody')] })
  const { status, headers } = await kernel.request({ path: '/plain', body: hello })
  expect({ status, ...told(headers) }).toEqual({ status: 404, 'x-ccr-route': 'default; by=route' })
  await kernel.dispose()
})

it('an answer that a guard gave instead tells of no route', async () => {
  const failure = { status: 403, type: 'permission_error', message: 'no' } as const
  const guard = plugin('guard', (ctx) => ctx.on('onRequest', () => ({ reply: { failure } })))
  const kernel = await createTestKernel({ plugins: [plainDialect, guard] })
  const { status, headers } = await kernel.request({ path: '/plain', body: hello })
  expect({ status, ...told(headers) }).toEqual({ status: 403 })
  await kernel.dispose()
})

it.each([false, true])('nor does a message that a plugin gave instead, which says that it is one', async (stream) => {
  const content = [{ type: 'text', text: 'kept' }]
  const usage = { input_tokens: 1, output_tokens: 1 }
  const about = {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'm',
    stop_reason: 'end_turn',
    stop_sequence: null,
  }
  const message = { ...about, content, usage } as never
  const cache = plugin('cache', (ctx) => ctx.on('onRequest', () => ({ reply: { message } })))
  const kernel = await createTestKernel({ plugins: [plainDialect, cache] })
  const { status, headers } = await kernel.request({ path: '/plain', body: { ...hello, stream } })
  expect({ status, ...told(headers) }).toEqual({ status: 200, 'x-ccr-provider': 'reply', 'x-ccr-model': hello.model })
  await kernel.dispose()
})
