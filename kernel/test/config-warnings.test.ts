import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serve, type Running, type ServeOptions } from '../src/host/serve.ts'

/** What a running router says of a config that it took, and that does not do all it says. */

let home: string
let running: Running | undefined
beforeEach(async () => void (home = await mkdtemp(join(tmpdir(), 'ccr-warnings-'))))
afterEach(async () => {
  await running?.close({ graceMs: 0 })
  running = undefined
  await rm(home, { recursive: true, force: true })
})

const configure = (config: object): Promise<void> =>
  writeFile(join(home, 'config.json'), JSON.stringify({ watch: false, ...config }))

async function start(config: object, more: Partial<ServeOptions> = {}): Promise<void> {
  await configure(config)
  running = await serve({ home, env: {}, version: '1.2.3', ...more })
}

async function reload(config: object): Promise<readonly string[]> {
  await configure(config)
  await running!.reload()
  return warnings()
}

async function warnings(): Promise<readonly string[]> {
  const key = (await readFile(join(home, 'run/admin.key'), 'utf8')).trim()
  const answer = await fetch(`${running!.url}/api/generation`, { headers: { 'x-api-key': key } })
  const report = (await answer.json()) as { readonly warnings: readonly string[] }
  return report.warnings.map((warning) => warning.replaceAll(`${home}/`, ''))
}

/** What the server log has by the time that it is closed. */
async function logged(): Promise<string> {
  await running!.close({ graceMs: 0 })
  running = undefined
  const logs = (await readdir(join(home, 'logs'))).filter((name) => name.startsWith('ccr-'))
  return (await Promise.all(logs.map((name) => readFile(join(home, 'logs', name), 'utf8')))).join('')
}

describe('what only a start takes', () => {
  it('is told with its place while it differs from what runs, and in the log', async () => {
    await start({ PORT: 0 })
    expect(await warnings()).toEqual([])
    expect(await reload({ PORT: '4000', HOST: '::1', limits: { headerBytes: 2048 } })).toEqual([
      'config.json:1:23: PORT 4000 counts from the next `ccr restart`.',
      'config.json:1:37: HOST ::1 counts from the next `ccr restart`.',
      'config.json:1:67: limits.headerBytes 2048 counts from the next `ccr restart`.',
    ])
    expect(await reload({ PORT: 0, HOST: '127.0.0.1' })).toEqual([])
    expect(await reload({})).toEqual([expect.stringMatching(/config\.json.*: PORT 3456 counts from the next/)])
    expect(await logged()).toContain('HOST ::1 counts from the next `ccr restart`.')
  })

  it('is not told where the command line, which a restart keeps, says otherwise', async () => {
    await start({}, { port: 0, host: '127.0.0.1' })
    expect(await reload({ PORT: 4000, HOST: '127.0.0.2' })).toEqual([])
  })
})

describe('a route to a provider', () => {
  const provider = (name: string, more: object = {}): object => ({ name, api_base_url: 'http://127.0.0.1:9', ...more })
  const vain = (place: string, pointer: string, name: string, more = ''): string =>
    `config.json:${place}: ${pointer} names the provider '${name}', which is neither configured nor contributed by a ` +
    `plugin.${more}`

  it('that is not there is told, wherever it stands', async () => {
    const Router = {
      default: 'lcoal,m',
      families: { opus: { think: 'nobody,m' } },
      agents: { Explore: 'gone,m' },
      models: { x: 'local,m', y: '' },
    }
    await start({ Router, Providers: [provider('local')] }, { port: 0 })
    expect(await warnings()).toEqual([
      vain('1:36', '/Router/default', 'lcoal', ' Did you mean local?'),
      vain('1:74', '/Router/families/opus/think', 'nobody'),
      vain('1:107', '/Router/agents/Explore', 'gone'),
    ])
    expect(await reload({ Router: { default: 'local,m' }, Providers: [provider('local')] })).toEqual([])
  })

  it('is not told of one in another spelling, of a plugin, or that is left out and told of already', async () => {
    const Router = { default: 'LOCAL,m', think: 'demo,demo', webSearch: 'cloud,m', myOwn: 'nobody,m' }
    await start({ Router, Providers: [provider('local'), provider('Cloud', { api_key: '$ABSENT' })] }, { port: 0 })
    expect(await warnings()).toEqual([])
  })

  it('that is switched off is told', async () => {
    const Router = { default: 'local,m' }
    await start({ Router, Providers: [provider('local', { enabled: false })] }, { port: 0 })
    expect(await warnings()).toEqual([
      "config.json:1:36: /Router/default names the provider 'local', which is switched off.",
    ])
  })

  it('is judged by what its profile has', async () => {
    const Router = { default: 'local,m' }
    const profiles = { work: { Providers: [provider('other')] }, same: {} }
    await start({ Router, Providers: [provider('local')], profiles }, { port: 0 })
    expect(await warnings()).toEqual([vain('1:36', '/Router/default', 'local')])
  })
})

describe('what a plugin finds doubtful in the config that it reads', () => {
  const tokenizer = {
    default: { type: 'zork' },
    models: {
      b: { type: 'huggingface' },
      c: { type: 'tiktoken', encoding: 'nope' },
      e: { type: 'api', url: 'none' },
      f: { type: 'api', url: 'https://count.example', requestFormat: 'odd' },
    },
  }
  const told = [
    "tokens-api: the tokenizer of 'local,e' needs a url that begins with http:// or https://, without a user or " +
      'password; the standard encoding counts in its place',
    "tokens-api: the tokenizer of 'local,f' has a requestFormat that is none of standard, anthropic, openai, custom; " +
      'the standard encoding counts in its place',
    "tokens-huggingface: the tokenizer of 'local,b' needs a model or a path; the standard encoding counts in its place",
    `tokens-standard: the tokenizer of 'local' has the type "zork", with which no plugin counts; it is left aside`,
    "tokens-standard: the tokenizer of 'local,c' has an encoding that is none of cl100k_base, o200k_base, " +
      'p50k_base, r50k_base; it is left aside',
  ]
  const Providers = (more: object): readonly object[] => [
    { name: 'local', api_base_url: 'http://127.0.0.1:9', ...more },
  ]

  it('is told once, whatever profiles have it too, until it is mended, and in the log', async () => {
    await start({ Providers: Providers({ tokenizer }), profiles: { work: {} } }, { port: 0 })
    expect(await warnings()).toEqual(told)
    expect(await reload({ Providers: Providers({ tokenizer }), LOG_LEVEL: 'info' })).toEqual(told)
    expect(await reload({ Providers: Providers({}) })).toEqual([])
    expect(await logged()).toContain(JSON.stringify(told[3]).slice(1, -1))
  })

  it('is told as the text that it is, and nothing else', async () => {
    const file = join(home, 'doubting.mjs')
    await writeFile(
      file,
      `export default {
        name: 'doubting', apiVersion: 1, description: 'Doubts.', scope: 'profile',
        options: { type: 'object', properties: {}, additionalProperties: false },
        config: { type: 'object', properties: {} }, transformers: [], provides: [], requires: [], capabilities: [],
        contributes: ['warnings'],
        activate(ctx) {
          for (const one of ['it is odd', 5, null, Object.create(null)]) ctx.contribute('warnings', one)
        },
      }`,
    )
    await start({ plugins: [`file:${file}`] }, { port: 0 })
    expect(await warnings()).toEqual(['doubting: it is odd'])
  })
})
