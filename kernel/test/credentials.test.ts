import { definePlugin, defineRouter, Secret, type Capability, type Outbound, type Plugin } from '@ccr/sdk'
import { createTestKernel, fixtures, PLAIN_PATH, plainClient, sse, wireDialect } from '@ccr/sdk/testing'
import { expect, test } from 'vitest'

const route = defineRouter({ name: 'route', description: 'All go there.', route: () => 'test,model' })

/** Sends the key of the provider in a form of its own. */
function sending(capabilities: readonly Capability[], auth?: Outbound['auth']): Plugin {
  return definePlugin({
    name: 'sending',
    apiVersion: 1,
    description: 'for a test',
    capabilities,
    activate(ctx) {
      ctx.on(
        'transformRequest',
        (outbound, attempt) => {
          const secret = ctx.credential(attempt)
          if (auth) return { ...outbound, auth }
          return { ...outbound, headers: { ...outbound.headers, 'x-has-key': String(secret !== undefined) } }
        },
        { stage: 'send' },
      )
    },
  })
}

interface Case {
  readonly plugin: Plugin
  readonly provider?: string
  readonly clientCredentials?: boolean
}

async function headersOf({ plugin, provider, clientCredentials }: Case) {
  const sent: Readonly<Record<string, string>>[] = []
  const kernel = await createTestKernel({
    plugins: [plainClient(), wireDialect({ dialect: 'plain' }), route, { plugin, provider }],
    providers: [{ dialect: 'plain', ...(clientCredentials && { clientCredentials, secret: undefined }) }],
    upstream: ({ headers }) => {
      sent.push(headers)
      return sse(fixtures.toSse(fixtures.answer()))
    },
  })
  const headers = clientCredentials ? { authorization: 'Bearer of-client' } : {}
  const reply = await kernel.request({ path: PLAIN_PATH, body: fixtures.chat(), headers })
  await kernel.dispose()
  return { headers: sent[0], reply }
}

test('the key of a provider is for the entries of its own transformer', async () => {
  const plugin = sending(['credentials'])
  expect((await headersOf({ plugin, provider: 'test' })).headers).toMatchObject({ 'x-has-key': 'true' })
  expect((await headersOf({ plugin, provider: 'other' })).headers).toMatchObject({ 'x-has-key': 'false' })
  expect((await headersOf({ plugin })).headers).toMatchObject({ 'x-has-key': 'false' })
})

test('it is for nobody who has not declared it', async () => {
  const { headers, reply } = await headersOf({ plugin: sending([]), provider: 'test' })
  expect(headers).toBeUndefined()
  expect(reply.text).toContain("add 'credentials' to its capabilities")
})

test('several credentials are sent together, and an empty list sends none, not even those of the client', async () => {
  const secret = new Secret('k')
  const both = [{ scheme: 'bearer', secret } as const, { scheme: 'header', name: 'x-key', secret } as const]
  const several = await headersOf({ plugin: sending(['credentials'], both) })
  expect(several.headers).toMatchObject({ authorization: 'Bearer k', 'x-key': 'k' })
  for (const clientCredentials of [false, true]) {
    const none = await headersOf({ plugin: sending(['credentials'], []), clientCredentials })
    expect(none.reply.status).toBe(200)
    expect(none.headers).not.toHaveProperty('authorization')
  }
})
