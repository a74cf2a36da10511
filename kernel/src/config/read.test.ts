import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isCcrError } from '@ccr/sdk'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from './read.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ccr-config-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

const write = (name: string, text: string | Uint8Array): Promise<void> => writeFile(join(home, name), text)
const read = (env: Record<string, string> = {}, file?: string) =>
  readConfig({ home, env, ...(file !== undefined && { file }) })

async function fault(reading: Promise<unknown>): Promise<{ code: string; at: string | undefined; message: string }> {
  const thrown = await reading.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isCcrError(thrown)) throw new Error(`not a ccr error: ${String(thrown)}`)
  return {
    code: thrown.code,
    at: thrown.at?.replace(`${home}/`, ''),
    message: thrown.message.replaceAll(`${home}/`, ''),
  }
}

describe('readConfig', () => {
  it('takes a missing file for an empty config, and writes none', async () => {
    const loaded = await read()
    expect(loaded.value).toEqual({})
    expect(loaded.files).toEqual([])
    expect(await readdir(home)).toEqual([])
  })

  it('reads JSON5: comments, single quotes, bare keys, trailing commas', async () => {
    await write(
      'config.json',
      "\uFEFF// mine\n{ PORT: 0x1000, /* two */ HOST: '::1', \"ALLOWED_HOSTS\": ['a',], Own: { x: .5, }, }\n",
    )
    const loaded = await read()
    expect(loaded.value).toEqual({ PORT: 4096, HOST: '::1', ALLOWED_HOSTS: ['a'], Own: { x: 0.5 } })
    expect(loaded.files).toEqual([join(home, 'config.json')])
    expect(loaded.at('/Own/x')).toBe(`${join(home, 'config.json')}:2:75`)
  })

  it('takes null for absent, but in the options of plugins', async () => {
    const provider = { name: 'p', api_base_url: 'http://127.0.0.1:9', models: null, transformer: null }
    const plugins = [{ use: 'one', options: { size: null } }]
    const said = {
      HOST: null,
      LOG_LEVEL: null,
      Router: { think: null, default: 'p,m' },
      Providers: [provider],
      plugins,
    }
    await write('config.json', JSON.stringify(said))
    expect((await read()).value).toEqual({
      Router: { default: 'p,m' },
      Providers: [{ name: 'p', api_base_url: 'http://127.0.0.1:9' }],
      plugins,
    })
  })

  it('takes an empty text of a key of its own for an absent one: configuration editors leave them behind', async () => {
    const empty = [
      'PORT',
      'HOST',
      'PROXY_URL',
      'CLAUDE_PATH',
      'API_TIMEOUT_MS',
      'LOG_LEVEL',
      'HTTPS_PROXY',
      'marketplace',
    ]
    await write(
      'config.json',
      JSON.stringify({ ...Object.fromEntries(empty.map((key) => [key, ''])), Own: '', LOG: true }),
    )
    expect((await read()).value).toEqual({ Own: '', LOG: true })
  })

  it('fills in variables everywhere', async () => {
    await write('config.json', '{ "PORT": "$MY_PORT", "Own": { "list": ["${a b}"] } }')
    const loaded = await read({ MY_PORT: '4000', 'a b': 'c' })
    expect(loaded.value).toEqual({ PORT: 4000, Own: { list: ['c'] } })
    expect(loaded.variables.map(({ pointer, name }) => `${pointer} ${name}`)).toEqual([
      '/PORT MY_PORT',
      '/Own/list/0 a b',
    ])
  })

  it('takes numbers, true and false as text, where it wants one, in lists and profiles too', async () => {
    const url = 'http://127.0.0.1:9'
    const limits = { '*': { context_window: '200000' } }
    await write(
      'config.json',
      JSON.stringify({
        LOG: 'false',
        API_TIMEOUT_MS: '600000',
        NON_INTERACTIVE_MODE: 'true',
        timeouts: { idle: '$IDLE' },
        APIKEY: '12345',
        Providers: [{ name: '1', api_base_url: url, api_key: '2', enabled: 'false', model_limits: limits }],
        plugins: ['one', { use: 'two', timeoutMs: '5' }, { name: 'three', enabled: 'true', options: { size: '1' } }],
        profiles: { own: { providers: [{ name: 'a', api_base_url: url, enabled: 'true' }], Own: '5' } },
        Own: '5',
      }),
    )
    expect((await read({ IDLE: '90' })).value).toEqual({
      LOG: false,
      API_TIMEOUT_MS: 600_000,
      NON_INTERACTIVE_MODE: true,
      timeouts: { idle: 90 },
      APIKEY: '12345',
      Providers: [
        {
          name: '1',
          api_base_url: url,
          api_key: '2',
          enabled: false,
          model_limits: { '*': { context_window: 200_000 } },
        },
      ],
      plugins: ['one', { use: 'two', timeoutMs: 5 }, { name: 'three', enabled: true, options: { size: '1' } }],
      profiles: { own: { providers: [{ name: 'a', api_base_url: url, enabled: true }], Own: '5' } },
      Own: '5',
    })
  })

  it('merges ccr.config.ts over config.json', async () => {
    await write('config.json', '{ PORT: 1, Own: { a: 1, list: [1, 2] }, HOST: "a" }')
    await write('names.ts', 'export const name: string = "b"')
    await write(
      'ccr.config.ts',
      'import { name } from "./names.ts"\nexport default { HOST: name, Own: { list: [3], c: "$X" } }',
    )
    const loaded = await read({ X: 'x' })
    expect(loaded.value).toEqual({ PORT: 1, HOST: 'b', Own: { a: 1, list: [3], c: 'x' } })
    expect(loaded.locked).toEqual(['HOST', 'Own'])
    expect(loaded.at('/Own/a')).toBe(`${join(home, 'config.json')}:1:22`)
    expect(loaded.at('/Own/list/0')).toBe(join(home, 'ccr.config.ts'))
    await write('ccr.config.ts', 'export default { HOST: "fresh" as const }')
    expect((await read()).value['HOST']).toBe('fresh')
    expect((await readdir(home)).sort()).toEqual(['ccr.config.ts', 'config.json', 'names.ts'])
  })

  it('takes a file that is named for the whole config', async () => {
    await write('config.json', '{ PORT: 1 }')
    await write('ccr.config.ts', 'export default { PORT: 2 }')
    await write('other.conf', '{ PORT: 3 }')
    await write('other.ts', 'export default { PORT: 4 }')
    expect((await read({}, join(home, 'other.conf'))).value).toEqual({ PORT: 3 })
    expect((await read({}, join(home, 'other.ts'))).value).toEqual({ PORT: 4 })
    expect(await fault(read({}, join(home, 'none.json')))).toMatchObject({ code: 'CCR_CONFIG_READ', at: 'none.json' })
  })

  it('never runs code that lies about, nor a file that is named but not .ts', async () => {
    const mark = JSON.stringify(join(home, 'pwned'))
    const code = `import { writeFileSync } from 'node:fs'\nwriteFileSync(${mark}, '')\nexport default {}`
    for (const name of ['ccr.config.mjs', 'ccr.config.js', '.ccrrc.mjs', 'other.mjs']) await write(name, code)
    await read()
    expect((await fault(read({}, join(home, 'other.mjs')))).code).toBe('CCR_CONFIG_SYNTAX')
    expect(await readdir(home)).not.toContain('pwned')
  })

  it('does not change the environment', async () => {
    await write('config.json', '{ Own: { CCR_TEST_CANARY: "1" }, CCR_TEST_CANARY: "1" }')
    await read()
    expect(process.env['CCR_TEST_CANARY']).toBeUndefined()
  })

  describe('says where a fault is, and leaves the file as it was', () => {
    it.each<[string, string | Uint8Array, string, string, RegExp]>([
      ['empty', '', 'CCR_CONFIG_SYNTAX', 'config.json:1:1', /is empty\. Write \{\}/],
      ['blank', ' \n\n', 'CCR_CONFIG_SYNTAX', 'config.json:1:1', /is empty/],
      ['only a comment', '// nothing\n', 'CCR_CONFIG_SYNTAX', 'config.json:2:1', /invalid end of input/],
      ['cut off', '{\n  PORT: 3456,\n  Prov', 'CCR_CONFIG_SYNTAX', 'config.json:3:7', /invalid end of input/],
      ['no value', '{\n  PORT: }', 'CCR_CONFIG_SYNTAX', 'config.json:2:9', /invalid character '}'.*Correct/],
      ['two commas', '{ a: 1,, }', 'CCR_CONFIG_SYNTAX', 'config.json:1:8', /invalid character ','/],
      ['text after the end', '{}\n}', 'CCR_CONFIG_SYNTAX', 'config.json:2:1', /invalid character '}'/],
      ['an open string', '{ a: "b\n}', 'CCR_CONFIG_SYNTAX', 'config.json:1:8', /invalid character/],
      ['binary', new Uint8Array([0xff, 0xfe, 0x7b, 0]), 'CCR_CONFIG_SYNTAX', 'config.json:1:1', /not UTF-8 text/],
      ['bad UTF-8', new Uint8Array([0x7b, 0xc3, 0x28, 0x7d]), 'CCR_CONFIG_SYNTAX', 'config.json:1:1', /not UTF-8 text/],
      ['a list', '[]', 'CCR_CONFIG_SCHEMA', 'config.json:1:1', /must be an object/],
      ['null', 'null', 'CCR_CONFIG_SCHEMA', 'config.json:1:1', /must be an object/],
      [
        '__proto__',
        '{ a: [\n { "__proto__": { x: 1 } }] }',
        'CCR_CONFIG_SCHEMA',
        'config.json:2:17',
        /\/a\/0\/__proto__ is a key/,
      ],
      ['an infinite number', '{ a: 1e999 }', 'CCR_CONFIG_SCHEMA', 'config.json:1:6', /\/a is Infinity/],
      [
        'too deep',
        `{ a: ${'['.repeat(120)}${']'.repeat(120)} }`,
        'CCR_CONFIG_SCHEMA',
        'config.json:1:106',
        /deeper than 100/,
      ],
      [
        'PORT too large',
        '{\n PORT: 70000 }',
        'CCR_CONFIG_SCHEMA',
        'config.json:2:8',
        /\/PORT must be an integer from 0 to 65535\./,
      ],
      [
        'PORT too large as text',
        '{ PORT: "70000" }',
        'CCR_CONFIG_SCHEMA',
        'config.json:1:9',
        /\/PORT must be an integer from 0 to 65535\./,
      ],
      ['PORT a word', '{ PORT: "web" }', 'CCR_CONFIG_SCHEMA', 'config.json:1:9', /\/PORT must be/],
      ['LOG a word', '{ LOG: "no" }', 'CCR_CONFIG_SCHEMA', 'config.json:1:8', /\/LOG must be true or false/],
      ['LOG_LEVEL', '{ LOG_LEVEL: "loud" }', 'CCR_CONFIG_SCHEMA', 'config.json:1:14', /"fatal" or "error" or/],
      ['LOG_LEVEL, no text', '{ LOG_LEVEL: 5 }', 'CCR_CONFIG_SCHEMA', 'config.json:1:14', /"fatal" or "error" or/],
      [
        'a proxy',
        '{ PROXY_URL: "socks5://x" }',
        'CCR_CONFIG_SCHEMA',
        'config.json:1:14',
        /an http:\/\/ or https:\/\/ URL/,
      ],
      [
        'a proxy with no such port',
        '{ PROXY_URL: "http://a:99999" }',
        'CCR_CONFIG_SCHEMA',
        'config.json:1:14',
        /no host and port that there could be/,
      ],
      [
        'a proxy with port 0',
        '{ PROXY_URL: "http://a:0" }',
        'CCR_CONFIG_SCHEMA',
        'config.json:1:14',
        /no host and port/,
      ],
      ['a proxy without a host', '{ httpsProxy: "http://?" }', 'CCR_CONFIG_SCHEMA', 'config.json:1:15', /no host/],
      [
        'a proxy with # in it',
        '{ PROXY_URL: "http://u:p#w@a" }',
        'CCR_CONFIG_SCHEMA',
        'config.json:1:14',
        /# is written %23/,
      ],
      ['a proxy whose user', '{ PROXY_URL: "http://%C3:%A9@a" }', 'CCR_CONFIG_SCHEMA', 'config.json:1:14', /as %25\b/],
      ['a proxy with a path', '{ PROXY_URL: "http://a/b" }', 'CCR_CONFIG_SCHEMA', 'config.json:1:14', /must end with/],
      ['a proxy whose password', '{ PROXY_URL: "http://u:%p@a" }', 'CCR_CONFIG_SCHEMA', 'config.json:1:14', /as %25\b/],
      ['Providers', '{ Providers: {} }', 'CCR_CONFIG_SCHEMA', 'config.json:1:14', /\/Providers must be a list/],
      [
        'both aliases',
        '{ Providers: [],\n providers: [] }',
        'CCR_CONFIG_SCHEMA',
        'config.json:2:13',
        /says again what \/Providers says at config\.json:1:14/,
      ],
      [
        'an unknown timer',
        '{ timeouts: { idel: 1 } }',
        'CCR_CONFIG_SCHEMA',
        'config.json:1:21',
        /\/timeouts\/idel is not a known key here \(did you mean idle\?\)/,
      ],
      [
        'a negative timer',
        '{ timeouts: {\n  idle: -1 } }',
        'CCR_CONFIG_SCHEMA',
        'config.json:2:9',
        /an integer from 1 to 2147483647/,
      ],
      [
        'a timer that would overflow',
        '{ timeouts: { drain: 3000000000 } }',
        'CCR_CONFIG_SCHEMA',
        'config.json:1:22',
        /2147483647/,
      ],
      [
        'first event after total',
        '{ timeouts: { firstEvent: 700000 } }',
        'CCR_CONFIG_SCHEMA',
        'config.json:1:27',
        /firstEvent \(700000 ms\) must not exceed total \(600000 ms\)/,
      ],
      [
        'total before first event',
        '{ timeouts: { total: 50000 } }',
        'CCR_CONFIG_SCHEMA',
        'config.json:1:22',
        /firstEvent \(120000 ms\) must not exceed total/,
      ],
      ['too many attempts', '{ limits: { attempts: 11 } }', 'CCR_CONFIG_SCHEMA', 'config.json:1:23', /from 1 to 10/],
      ['an unset key', '{ APIKEY: "$CCR_NOT_SET" }', 'CCR_CONFIG_SCHEMA', 'config.json:1:11', /CCR_NOT_SET is not set/],
      ['an unset port', '{ PORT: "$CCR_NOT_SET" }', 'CCR_CONFIG_SCHEMA', 'config.json:1:9', /CCR_NOT_SET is not set/],
    ])('%s', async (_, text, code, at, message) => {
      await write('config.json', text)
      const before = await readFile(join(home, 'config.json'))
      const found = await fault(read())
      expect({ code: found.code, at: found.at }).toEqual({ code, at })
      expect(found.message).toMatch(message)
      expect(await readFile(join(home, 'config.json'))).toEqual(before)
      expect(await readdir(home)).toEqual(['config.json'])
    })

    it.each([
      [
        'syntax',
        'const a: number = 1\nexport default { PORT: a,, }',
        'CCR_CONFIG_SYNTAX',
        'ccr.config.ts:2:26',
        /Unexpected token/,
      ],
      [
        'a throw',
        'const a = 1\nthrow new Error("boo")\nexport default { a }',
        'CCR_CONFIG_READ',
        'ccr.config.ts:2:7',
        /boo/,
      ],
      ['no default', 'export const a = 1', 'CCR_CONFIG_READ', 'ccr.config.ts', /no default export/],
      ['a missing import', 'import "./nope.ts"\nexport default {}', 'CCR_CONFIG_READ', 'ccr.config.ts:1:1', /nope/],
      ['a list', 'export default [1]', 'CCR_CONFIG_SCHEMA', 'ccr.config.ts', /must be an object/],
      [
        'a function',
        'export default { Own: { f() {} } }',
        'CCR_CONFIG_SCHEMA',
        'ccr.config.ts',
        /\/Own\/f is a function/,
      ],
      [
        'an instance',
        'export default { Own: new Map() }',
        'CCR_CONFIG_SCHEMA',
        'ccr.config.ts',
        /\/Own is an instance of a class/,
      ],
      [
        'a wrong value',
        'export default { LOG: 1 }',
        'CCR_CONFIG_SCHEMA',
        'ccr.config.ts',
        /\/LOG must be true or false/,
      ],
    ])('ccr.config.ts: %s', async (_, text, code, at, message) => {
      await write('ccr.config.ts', text)
      const found = await fault(read())
      expect({ code: found.code, at: found.at }).toEqual({ code, at })
      expect(found.message).toMatch(message)
    })

    it('a folder or a huge file', async () => {
      await mkdir(join(home, 'config.json'))
      expect(await fault(read())).toMatchObject({ code: 'CCR_CONFIG_READ', at: 'config.json' })
      await rm(join(home, 'config.json'), { recursive: true })
      await write('config.json', new Uint8Array(8 * 1024 * 1024 + 1))
      expect((await fault(read())).message).toMatch(/larger than 8388608 bytes/)
    })
  })

  it('does not repeat a value, which may be secret, in an error', async () => {
    await write('config.json', '{ LOG: "$CANARY", APIKEY: 5 }')
    expect((await fault(read({ CANARY: 'sk-canary' }))).message).not.toContain('sk-canary')
  })
})
