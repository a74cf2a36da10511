import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pluginEnable } from '../src/cli/plugin/enable.ts'
import { pluginInfo } from '../src/cli/plugin/info.ts'
import { startChatServer, type ChatServer } from './support/chat-server.ts'
import { withRouter } from './support/router.ts'
import { createPluginWorld, until, type PluginWorld } from './support/plugin-world.ts'

let upstream: ChatServer
let world: PluginWorld
let url: string
beforeEach(async () => {
  upstream = await startChatServer()
  world = await createPluginWorld()
  await mkdir(join(world.home, 'plugins'))
})
afterEach(async () => {
  await world.dispose()
  await upstream.close()
})

const JSON_TYPE = { 'content-type': 'application/json' }

const write = (name: string, text: string): Promise<void> => writeFile(join(world.home, 'plugins', name), text)

/** A class of transformers as a CommonJS module. */
const signing = (word: string, more = ''): string => `
class Signing {
  name = 'My-Signing'
  constructor(options) { this.options = options; ${more} }
  async transformRequestIn(body, provider) {
    this.logger.info({ body }, 'signing')
    body.signed = '${word}' + (this.options.word ?? '')
    const Authorization = 'Basic ' + Buffer.from(provider.apiKey).toString('base64')
    return { body, config: { headers: { Authorization } } }
  }
}
module.exports = Signing
`

const provider = (name: string, use: unknown, more: object = {}): object => ({
  name,
  api_base_url: upstream.url,
  api_key: 'me@example:secret-key',
  models: ['m', 'n'],
  transformer: { use, ...more },
})

async function start(config: object): Promise<void> {
  await world.configure(config)
  url = (await world.start()).url
}

async function ask(model: string, stream = true): Promise<{ readonly status: number; readonly text: string }> {
  const body = { model, max_tokens: 9, stream, messages: [{ role: 'user', content: 'hi' }] }
  const response = await fetch(`${url}/v1/messages`, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) })
  return { status: response.status, text: await response.text() }
}

interface Report {
  readonly disabledProviders: readonly { readonly name: string; readonly reason: string; readonly at?: string }[]
  readonly failures: readonly { readonly subject: string; readonly message: string; readonly at?: string }[]
  readonly warnings: readonly string[]
}
const report = async (): Promise<Report> => (await world.report()) as unknown as Report

describe('a file that the section transformers names', () => {
  const section = [{ path: './plugins/signing.js', options: { word: '!' } }]

  test('is known to transformer.use by its own name, whatever its case, and takes part for nobody else', async () => {
    await write('signing.js', signing('yes'))
    const other = { ...provider('other', []), transformer: undefined }
    await start({ transformers: section, Providers: [provider('own', ['my-signing']), other] })
    expect((await ask('own,m')).text).toContain('last')
    expect((await ask('other,m')).status).toBe(200)
    expect(upstream.requests.map(({ body }) => body['signed'])).toEqual(['yes!', undefined])
    const [own, others] = upstream.requests.map(({ headers }) => headers.authorization)
    expect(own).toBe(`Basic ${Buffer.from('me@example:secret-key').toString('base64')}`)
    expect(others).toBe('Bearer me@example:secret-key')
    expect(await report()).toMatchObject({ disabledProviders: [], failures: [], warnings: [] })
  })

  test('takes options at its use over those of the section, also for one model', async () => {
    await write('signing.js', signing('yes'))
    const model = { n: { use: [['MY-SIGNING', { word: '?' }]] } }
    await start({ transformers: section, Providers: [provider('own', [['my-signing', { more: 1 }]], model)] })
    await ask('own,m')
    await ask('own,n', false)
    expect(upstream.requests.map(({ body }) => body['signed'])).toEqual(['yes!', 'yes?'])
  })

  test('comes before a name of a plugin of the router', async () => {
    await write('signing.js', signing('own').replace('My-Signing', 'gemini'))
    await start({ transformers: section, Providers: [provider('own', ['Gemini'])] })
    expect((await ask('own,m')).status).toBe(200)
    expect(upstream.requests[0]!.body['signed']).toBe('own!')
  })

  test('may be an ES module, TypeScript, an object of exports, below ~/ or absolute, or a plugin', async () => {
    const typed = signing('typed').replace('module.exports = Signing', 'export default Signing as unknown')
    await write(
      'typed.ts',
      typed
        .replace('My-Signing', 'typed')
        .replace('constructor(options)', 'options: any\nconstructor(options: object)')
        .replaceAll('(body, provider)', '(body: any, provider: any)')
        .replace('this.logger', '(this as any).logger'),
    )
    await write(
      'esm.mjs',
      signing('esm').replace('module.exports = Signing', 'export { Signing }').replace('My-Signing', 'esm'),
    )
    const named = signing('named').replace("name = 'My-Signing'", "static TransformerName = 'Named'")
    await write('named.js', `${named}; module.exports = { Signing }`)
    await write(
      'plugin.ts',
      `import { defineTransformer, Type } from '@ccr/sdk'
       export default defineTransformer({
         name: 'own-plugin', description: 'x', dialect: 'openai',
         options: Type.Object({ word: Type.String() }, { additionalProperties: false }),
         request: (body, { options }) => ({ ...body, signed: options.word }),
       })`,
    )
    const transformers = [
      { path: join(world.home, 'plugins/typed.ts') },
      { path: './plugins/esm.mjs' },
      { path: 'plugins/named.js' },
      { path: 'plugins/plugin.ts', options: { word: 'plugin' } },
    ]
    const names = ['typed', 'esm', 'named', 'own-plugin']
    await start({ transformers, Providers: names.map((name) => provider(name, [name])) })
    expect((await report()).disabledProviders).toEqual([])
    for (const name of names) expect((await ask(`${name},m`)).status).toBe(200)
    expect(upstream.requests.map(({ body }) => body['signed'])).toEqual(['typed', 'esm', 'named', 'plugin'])
  })

  test('runs its constructor once where it is used once, and not at all where it was not changed', async () => {
    await write('signing.js', signing('yes', 'globalThis.constructed = (globalThis.constructed ?? 0) + 1'))
    const made = (): unknown => Reflect.get(globalThis, 'constructed')
    await start({ transformers: section, Providers: [provider('own', ['my-signing'])] })
    await ask('own,m')
    expect(made()).toBe(1)
    await world.configure({ transformers: section, Providers: [provider('own', ['my-signing']), provider('more', [])] })
    await until('the change is live', async () => (await ask('more,m')).status === 200)
    expect(made()).toBe(1)
    Reflect.deleteProperty(globalThis, 'constructed')
  })

  test('is changed while a stream runs, which ends as it began', async () => {
    const shouting = (word: string): string => `module.exports = class {
      name = 'shouting'
      transformResponseOut(response) {
        const change = new TransformStream({ transform: (bytes, out) =>
          out.enqueue(Buffer.from(Buffer.from(bytes).toString().replace(/first|last/g, (one) => one + '${word}'))) })
        return new Response(response.body.pipeThrough(change), { headers: response.headers })
      }
    }`
    await write('shouting.js', shouting('-old'))
    const transformers = [{ path: './plugins/shouting.js' }]
    await start({ transformers, Providers: [provider('own', ['shouting'])] })
    const release = upstream.hold()
    const running = ask('own,m')
    await until('the stream runs', () => Promise.resolve(upstream.requests.length === 1))
    await write('shouting.js', shouting('-new'))
    await until('the change is live', async () => (await world.report()).generation === 2)
    release()
    const { text } = await running
    expect([text.includes('first-old'), text.includes('last-old'), text.includes('-new')]).toEqual([true, true, false])
    expect((await ask('own,m')).text).toContain('last-new')
  })

  test('that is broken while the router runs changes nothing, and is taken when it is mended', async () => {
    await write('signing.js', signing('one'))
    await start({ transformers: section, Providers: [provider('own', ['my-signing'])] })
    await write('signing.js', signing('two', "throw new Error('not set up')"))
    const health = async (): Promise<unknown> => (await (await fetch(`${url}/health`)).json()) as unknown
    await until('the fault is told', async () => JSON.stringify(await health()).includes('CCR_PLUGIN_LOAD'))
    await ask('own,m')
    await write('signing.js', signing('three'))
    await until('it is mended', async () => {
      await ask('own,m')
      return upstream.requests.at(-1)!.body['signed'] === 'three!'
    })
    expect(upstream.requests[0]!.body['signed']).toBe('one!')
  })

  test('that cannot be loaded at a start takes out those that name it, and no others', async () => {
    await write('signing.js', signing('one', "throw new Error('not set up')"))
    await start({ transformers: section, Providers: [provider('own', ['my-signing']), provider('other', [])] })
    expect((await ask('other,m')).status).toBe(200)
    expect((await ask('own,m')).status).toBe(404)
    const { disabledProviders, failures } = await report()
    expect(disabledProviders).toMatchObject([{ name: 'own' }])
    expect(disabledProviders[0]!.reason).toContain(
      'transformer/use names my-signing, which no installed plugin declares',
    )
    expect(disabledProviders[0]!.reason).toContain('./plugins/signing.js, which may declare it, could not be loaded: ')
    expect(disabledProviders[0]!.reason).toContain('not set up')
    expect(failures).toMatchObject([{ subject: 'transformers/0' }])
    expect(failures[0]!.at).toContain(join(world.home, 'plugins/signing.js'))
    await write('signing.js', signing('two'))
    await until('it is mended', async () => (await ask('own,m')).status === 200)
  })

  test.each([
    ['missing.js', undefined, 'does not exist'],
    ['odd.js', 'module.exports = () => 5', 'is not a plugin'],
    [
      'two.js',
      'exports.A = class { transformRequestIn() {} }; exports.B = class { auth() {} }',
      'several classes (A, B)',
    ],
    ['nameless.js', 'module.exports = class { transformRequestIn() {} }', 'have no name'],
    ['plain.js', 'module.exports = class { }', 'is not a plugin'],
    ['syntax.js', 'module.exports = class {', 'cannot be built'],
  ])('%s is a fault that is told', async (name, text, fact) => {
    if (text !== undefined) await write(name, text)
    await start({ transformers: [{ path: `plugins/${name}` }], Providers: [provider('own', [])] })
    expect((await report()).failures).toMatchObject([{ message: expect.stringContaining(fact) as string }])
    expect((await ask('own,m')).status).toBe(200)
  })

  test('that only makes an endpoint is not used, and that is said', async () => {
    await write('end.js', "module.exports = class { name = 'end'; endPoint = '/v1/x'; transformRequestOut() {} }")
    await start({ transformers: [{ path: 'plugins/end.js' }], Providers: [provider('own', ['end'])] })
    expect((await ask('own,m')).status).toBe(200)
    expect((await report()).warnings).toEqual([expect.stringContaining('only makes an endpoint for clients')])
  })

  test('holds in profiles, which may list others', async () => {
    await write('signing.js', signing('outer'))
    await write('inner.js', signing('inner'))
    const Providers = [provider('own', ['my-signing'])]
    const inner = { transformers: [{ path: 'plugins/inner.js' }], Providers }
    await start({ transformers: section, Providers, profiles: { same: { Providers }, inner } })
    for (const place of ['', '/preset/same', '/preset/inner']) {
      const body = { model: 'own,m', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }
      await fetch(`${url}${place}/v1/messages`, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) })
    }
    expect(upstream.requests.map(({ body }) => body['signed'])).toEqual(['outer!', 'outer!', 'inner'])
  })
})

describe('a class in the place of a plugin', () => {
  test('is named as file: in transformer.use, with its options', async () => {
    await write('signing.js', signing('file'))
    await start({ Providers: [provider('own', [['file:./plugins/signing.js', { word: '+' }]])] })
    await ask('own,m')
    expect(upstream.requests[0]!.body['signed']).toBe('file+')
  })

  test('is an entry of plugins, for every provider, which then gives it no key', async () => {
    const keys = signing('entry').replace('provider.apiKey', "(provider.apiKey ?? 'none')")
    await write('signing.js', keys)
    const plugins = [{ use: 'file:./plugins/signing.js', options: { word: '+' } }]
    await start({ plugins, Providers: [provider('own', []), provider('other', [])] })
    await ask('own,m')
    await ask('other,m')
    expect(upstream.requests.map(({ body }) => body['signed'])).toEqual(['entry+', 'entry+'])
    expect(upstream.requests[0]!.headers.authorization).toBe(`Basic ${Buffer.from('none').toString('base64')}`)
  })

  test('is shown, and switched off, by its own name', async () => {
    await write('signing.js', signing('entry'))
    await world.configure({ plugins: ['file:./plugins/signing.js'] })
    const shown = await world.said((context) => pluginInfo(context, 'my-signing', {}))
    expect(shown).toContain('(plugin my-signing)\n  The transformer My-Signing of signing.js.\n')
    expect(shown).toMatch(/hooks +transformRequest\n +capabilities +credentials/)
    await world.said((context) => pluginEnable(context, 'my-signing', false))
    expect(await world.config()).toContain('"enabled"')
  })

  test('is no plugin where what adapts it is switched off', async () => {
    await write('signing.js', signing('off'))
    const plugins = [{ use: 'compat-transformers', enabled: false }]
    const transformers = [{ path: 'plugins/signing.js' }]
    await start({ plugins, transformers, Providers: [provider('own', ['file:./plugins/signing.js'])] })
    const { disabledProviders, warnings } = await report()
    expect(disabledProviders).toMatchObject([{ reason: expect.stringContaining('is not a plugin') as string }])
    expect(warnings[0]).toContain(
      'transformers has no effect: it is read by compat-transformers, which is switched off',
    )
  })
})

test('the section is a list of paths, or the config is refused', async () => {
  await expect(start({ transformers: [{ options: {} }], Providers: [] })).rejects.toThrow('/transformers/0')
})

test('a process of its own loads them, changes them while a stream runs, and tells the line of a fault', async () => {
  await write('signing.js', signing('one'))
  const file = join(world.home, 'plugins/signing.js')
  const config = { transformers: [{ path: file }], Providers: [provider('own', ['my-signing'])], LOG_LEVEL: 'debug' }
  await withRouter({ config }, async (router) => {
    url = router.url
    const release = upstream.hold()
    const running = ask('own,m')
    await until('the stream runs', () => Promise.resolve(upstream.requests.length === 1))
    await write('signing.js', signing('two'))
    await until('the change is live', async () => {
      const { generation } = (await (await fetch(`${url}/health`)).json()) as { readonly generation: number }
      return generation === 2
    })
    release()
    expect((await running).text).toContain('message_stop')
    await ask('own,m', false)
    expect(upstream.requests.map(({ body }) => body['signed'])).toEqual(['one', 'two'])
    await write('signing.js', signing('three').replace('body.signed', 'body.no.signed'))
    await until('the fault is live', async () => (await ask('own,m')).status === 500)
    expect((await ask('own,m')).text).toContain("plugin 'my-signing' failed in transformRequest")
    await write('signing.js', signing('four', "throw new Error('not set up')"))
    await until('the fault is told', () => Promise.resolve(router.written().includes('not set up')))
    expect(router.written()).toContain(`${file}:4:`)
    // Neither the key nor what classes log of bodies.
    expect(router.written()).not.toMatch(/secret-key|c2VjcmV0LWtleQ|"messages"/)
  })
})
