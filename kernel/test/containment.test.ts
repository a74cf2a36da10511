import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCli, eventually, firstLine, lives, urlIn, type Cli } from './cli-harness.ts'

/** Does what a request asks for, after its handler has returned. */
const plugin = (name: string): string => `import { EventEmitter } from 'node:events'
import { connect } from 'node:net'
import { definePlugin, Type } from '@ccr/sdk'

const emitter = new EventEmitter()
const misbehave: Record<string, () => void> = {
  reject: () => void Promise.reject(new Error('nobody waits for me')),
  timer: () => void setTimeout(() => { throw new Error('from a timer') }, 0),
  emitter: () => void setImmediate(() => emitter.emit('error', new Error('from an emitter'))),
  cause: () => {
    const error = new Error('outer', { cause: new Error('inner') })
    void Promise.reject(Object.assign(error, { stack: 'Error: outer' }))
  },
  nameless: () => void Promise.reject('only a text'),
  system: () => void connect(9, '127.0.0.1'),
  listeners: () => void emitter.on('never', () => undefined),
}

export default definePlugin({
  name: '${name}', apiVersion: 1, description: 'for a test', options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    ctx.on('selectRoute', (_, { headers }) => misbehave[String(headers['x-${name}'])]?.())
  },
})
`

interface Hooks {
  readonly outside?: { readonly errors: number }
}
interface Report {
  readonly instances: readonly {
    readonly id: string
    readonly hooks: Hooks
    readonly quarantine?: { readonly hook: string; readonly message: string }
  }[]
}

describe('row 122: what plugins do after their handlers', () => {
  let cli: Cli
  let router: ReturnType<Cli['launch']>
  let url: string
  beforeAll(async () => {
    cli = await createCli()
    await cli.writeConfig({ plugins: ['file:./moody.ts', 'file:./calm.ts'] })
    await writeFile(join(cli.home, 'moody.ts'), plugin('moody'))
    await writeFile(join(cli.home, 'calm.ts'), plugin('calm'))
    router = cli.launch(['start', '--port', '0'])
    url = urlIn(await firstLine(router))
  }, 60_000)
  afterAll(() => cli.dispose(), 60_000)

  async function ask(headers: Record<string, string> = {}): Promise<number> {
    const body = JSON.stringify({ model: 'x', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] })
    const answer = await fetch(`${url}/v1/messages`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    })
    await answer.text()
    return answer.status
  }

  async function report(): Promise<Report> {
    const key = (await readFile(join(cli.home, 'run/admin.key'), 'utf8')).trim()
    return (await (await fetch(`${url}/api/generation`, { headers: { 'x-api-key': key } })).json()) as Report
  }

  async function instance(name: string): Promise<Report['instances'][number]> {
    return (await report()).instances.find(({ id }) => id === `file:./${name}.ts`)!
  }

  async function logged(): Promise<string> {
    const [file] = (await readdir(join(cli.home, 'logs'))).filter((name) => name.startsWith('ccr-'))
    return readFile(join(cli.home, 'logs', file!), 'utf8')
  }

  const outside = (count: number, name = 'moody') =>
    eventually(`${count} failures of ${name}`, async () =>
      ((await instance(name)).hooks.outside?.errors ?? 0) >= count ? true : undefined,
    )

  test.each([
    ['reject', 'nobody waits for me'],
    ['timer', 'from a timer'],
    ['emitter', 'from an emitter'],
    ['cause', 'outer'],
  ])('%s: is told with the plugin and its place, and the router lives', async (mood, message) => {
    const before = (await instance('calm')).hooks.outside?.errors ?? 0
    expect(await ask({ 'x-calm': mood })).toBe(200)
    await outside(before + 1, 'calm')
    const line = await eventually('its line in the log', async () =>
      (await logged()).split('\n').find((one) => one.includes(`"message":"${message}`)),
    )
    expect(JSON.parse(line)).toMatchObject({ plugin: 'calm', at: expect.stringMatching(/calm\.ts:\d+:\d+$/) })
    expect(await ask()).toBe(200)
  })

  test('what has no place is nobody’s fault, and the router lives', async () => {
    expect(await ask({ 'x-calm': 'nameless' })).toBe(200)
    expect(await ask({ 'x-calm': 'system' })).toBe(200)
    await eventually('both are logged', async () => {
      const lines = (await logged()).split('\n').filter((line) => line.includes('"plugin":"unknown"'))
      return lines.length === 2 ? true : undefined
    })
    expect((await instance('calm')).hooks.outside?.errors).toBe(4)
    expect(lives(router)).toBe(true)
  })

  test('the fifth unhandled rejection within a minute quarantines the plugin, and no other', async () => {
    for (let count = 1; count <= 5; count++) expect(await ask({ 'x-moody': 'reject' })).toBe(200)
    await outside(5)
    const { quarantine } = await instance('moody')
    expect(quarantine).toMatchObject({ hook: 'outside', message: expect.stringContaining('nobody waits for me') })
    expect((await instance('calm')).quarantine).toBeUndefined()
    expect(await ask({ 'x-moody': 'reject' })).toBe(200)
    expect((await instance('moody')).hooks.outside?.errors).toBe(5)
    expect((await cli.run(['status'])).stdout).toContain('plugin file:./moody.ts is quarantined')
    expect(lives(router)).toBe(true)
  })

  test('row 126: listeners that are only ever added are told with their place', async () => {
    for (let count = 0; count <= 11; count++) await ask({ 'x-calm': 'listeners' })
    const line = await eventually('the warning', async () =>
      (await logged()).split('\n').find((one) => one.includes('listeners are added and not removed')),
    )
    expect(JSON.parse(line)).toMatchObject({ plugin: 'calm', at: expect.stringMatching(/calm\.ts:\d+:\d+$/) })
  })
})
