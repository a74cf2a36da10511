import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCli, finish } from './cli-harness.ts'
import {
  ask,
  createPresetWorld,
  echoProvider,
  serveWeb,
  type PresetWorld,
  type WebServer,
} from './support/preset-world.ts'
import { until } from './support/watched-router.ts'

let world: PresetWorld
const more: { dispose(): Promise<void> }[] = []
beforeEach(async () => {
  world = await createPresetWorld()
})
afterEach(async () => {
  await world.dispose()
  for (const one of more.splice(0)) await one.dispose()
})

async function web(...args: Parameters<typeof serveWeb>): Promise<WebServer> {
  const server = await serveWeb(...args)
  more.push({ dispose: () => server.close() })
  return server
}

const ASKING = {
  name: 'team',
  version: '1.0.0',
  description: 'ours',
  schema: [
    { id: 'key', type: 'password', label: 'API key' },
    { id: 'model', type: 'select', options: [{ label: 'L', value: 'large' }] },
  ],
  Providers: [{ name: 'ours', api_base_url: 'https://llm.example.com/v1', api_key: '#{key}', models: ['large'] }],
  Router: { default: 'ours,{{model}}' },
}
const ANSWERS = ['--input', 'key=k-CANARY-$5', '--input', 'model=large']

async function generation(url: string): Promise<number> {
  return ((await (await fetch(`${url}/health`)).json()) as { generation: number }).generation
}

describe('ccr preset', () => {
  it('row 142: exports what another home installs, hot, and a request is routed through it', async () => {
    const upstream = await web(echoProvider())
    const other = await createPresetWorld()
    more.push(other)
    await other.config({
      PORT: 1,
      APIKEY: 'k-CANARY-router',
      Providers: [{ name: 'echo', api_base_url: `${upstream.url}/v1`, api_key: 'k-CANARY-one', models: ['m'] }],
      Router: { default: 'echo,m' },
    })
    const file = join(other.root, 'team.json')
    const exported = await other.ccr(['preset', 'export', 'team', '--output', file, '--author', 'me', '--tags', 'a, b'])
    expect(exported).toMatchObject({ code: 0, stdout: expect.stringContaining('asked for echo_api_key') as string })
    expect(await readFile(file, 'utf8')).not.toContain('CANARY')
    expect((await other.ccr(['preset', 'export', 'team', '--output', file])).stderr).toMatch(/exists/)
    expect((await other.ccr(['preset', 'export', 'x', '--include-sensitive'])).stderr).toMatch(/never holds keys/)

    await world.config('{\n  // mine\n  Router: { default: "demo,demo" },\n}\n')
    const router = await world.start()
    const before = await generation(router.url)
    expect((await ask(`${router.url}/preset/team`)).status).toBe(404)
    const missing = await world.ccr(['preset', 'install', file, '--yes'])
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/needs echo_api_key \(api_key of echo\)/) as string,
    })
    const installed = await world.ccr(['preset', 'install', file, '--yes', '--input', 'echo_api_key=k-of-home-2'])
    expect(installed).toMatchObject({ code: 0, stderr: '' })
    expect(await generation(router.url)).toBe(before + 1)
    const answer = await ask(`${router.url}/preset/team`)
    expect(answer.text).toContain('Bearer k-of-home-2 m')
    expect((await ask(router.url)).text).not.toContain('k-of-home-2')
    const tree = await world.tree()
    expect(tree['config.json']).toContain('// mine')
    for (const [name, text] of Object.entries(tree))
      expect([name, text.includes('k-of-home-2')]).toEqual([name, name === 'config.json'])
    expect((await stat(join(world.home, 'config.json'))).mode & 0o077).toBe(0)

    const deleted = await world.ccr(['preset', 'delete', 'team'])
    expect(deleted).toMatchObject({ code: 0, stderr: '' })
    expect((await ask(`${router.url}/preset/team`)).status).toBe(404)
    expect((await world.tree())['config.json']).not.toContain('k-of-home-2')
    expect(await world.ccr(['preset', 'delete', 'team'])).toMatchObject({ code: 1 })
  })

  it.each([false, true])('says which of its providers are left out (with a router: %s)', async (withRouter) => {
    const [ours] = ASKING.Providers
    const odd = { ...ours, name: 'odd', transformer: { use: ['nobodys'] } }
    const file = await world.manifest({ ...ASKING, Providers: [ours, odd] })
    await world.config({ Providers: [{ name: 'elsewhere', api_base_url: 'no URL' }] })
    if (withRouter) await world.start()
    const { code, stderr } = await world.ccr(['preset', 'install', file, '--yes', ...ANSWERS])
    const place = join(world.home, 'presets/team/manifest.json')
    expect([code, stderr.split('\n')]).toEqual([
      0,
      [
        expect.stringMatching(/^ccr: provider odd is disabled: transformer\/use names nobodys/),
        expect.stringMatching(new RegExp(`^  at ${place}:\\d+:\\d+$`)),
      ],
    ])
    const deleted = await world.ccr(['preset', 'delete', 'team'])
    expect(deleted.stderr).toMatch(withRouter ? /^ccr: provider elsewhere is disabled: [^\n]+\n  at \S+$/ : /^$/)
  })

  it('lists, shows and answers anew, keeping what is not answered again', async () => {
    const file = await world.manifest(ASKING)
    await world.ccr(['preset', 'install', file, '--yes', ...ANSWERS])
    // A dollar that is no variable is written twice.
    expect(await readFile(join(world.home, 'config.json'), 'utf8')).toContain('k-CANARY-$$5')
    expect((await world.ccr(['preset', 'list'])).stdout).toBe('team  1.0.0  ours')
    const info = await world.ccr(['preset', 'info', 'team', '--json'])
    expect(JSON.parse(info.stdout)).toMatchObject({
      installedAs: 'team',
      providers: [{ name: 'ours', url: 'https://llm.example.com/v1', models: ['large'] }],
      inputs: [{ id: 'key', type: 'password' }, { id: 'model' }],
    })
    expect(info.stdout).not.toContain('CANARY')
    const again = await world.ccr(['preset', 'install', 'team', '--input', 'key=$TEAM_KEY'], { TEAM_KEY: 'x' })
    expect(again).toMatchObject({ code: 0 })
    const config = await readFile(join(world.home, 'config.json'), 'utf8')
    expect(config).toContain('$TEAM_KEY')
    expect(config).toContain('large')
    const kept = await world.ccr(['preset', 'install', 'team', '--input', 'model=large'], { TEAM_KEY: 'x' })
    expect([kept.code, await readFile(join(world.home, 'config.json'), 'utf8')]).toEqual([0, config])
    expect((await world.ccr(['preset', 'info', 'absent'])).code).toBe(1)
  })

  it('takes answers that only the running router has the variables of, and says which', async () => {
    await world.config({ Router: { default: 'demo,demo' } })
    const router = await world.start({ TEAM_KEY: 'k-of-router', TEAM_TIMEOUT: '5000' })
    const upstream = await web(echoProvider())
    const [ours] = ASKING.Providers
    const file = await world.manifest({
      ...ASKING,
      schema: [...ASKING.schema, { id: 'limit', type: 'number' }],
      Providers: [{ ...ours, api_base_url: `${upstream.url}/v1` }],
      API_TIMEOUT_MS: '#{limit}',
    })
    const given = ['--input', 'model=large', '--input', 'limit=$TEAM_TIMEOUT', '--input']
    const install = ['preset', 'install', file, '--yes', ...given]
    const installed = await world.ccr([...install, 'key=$TEAM_KEY'])
    expect([installed.code, installed.stderr]).toEqual([
      0,
      expect.stringMatching(/^ccr: .* names TEAM_TIMEOUT, TEAM_KEY, .* not set here\. .* set .* a router is started$/),
    ])
    expect((await ask(`${router.url}/preset/team`)).text).toContain('Bearer k-of-router large')
    const set = { TEAM_KEY: 'x', TEAM_TIMEOUT: '1' }
    expect(await world.ccr(['preset', 'install', 'team', ...given, 'key=$TEAM_KEY'], set)).toMatchObject({ stderr: '' })

    const executable = join(world.root, 'claude')
    await writeFile(executable, `#!${process.execPath}\nprocess.exit(7)\n`)
    await chmod(executable, 0o755)
    expect(await world.ccr(['team'], { CLAUDE_PATH: executable })).toEqual({ code: 7, stdout: '', stderr: '' })

    const before = await world.tree()
    const unknown = await world.ccr([...install, 'key=$NOBODYS', '--force'])
    expect(unknown).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/names NOBODYS, which is not set/) as string,
    })
    expect(await world.tree()).toEqual(before)
  })

  it('shows where the answers lead; placeholders stand for what is secret or has no answer', async () => {
    const schema = [
      { id: 'place', type: 'input' },
      { id: 'key', type: 'password' },
      { id: 'token', type: 'input' },
      { id: 'extra', required: false },
    ]
    const team = {
      ...ASKING,
      schema,
      Providers: [{ name: 'ours', api_base_url: '#{place}', api_key: '#{token}', models: ['m#{extra}'] }],
      Router: { default: 'ours,m' },
      configMappings: [
        { target: 'Providers[0].tokenizer', value: { url: 'https://count.example/#{key}/#{token}' } },
        { target: 'Router.think', value: 'ours,never', when: { field: 'extra', operator: 'exists' } },
      ],
    }
    const inputs = ['--input', 'key=k-CANARY', '--input', 'token=t-CANARY', '--input', 'place=https://llm.example/$5']
    const install = ['preset', 'install', await world.manifest(team), '--yes', ...inputs]
    expect(await world.ccr(install)).toMatchObject({ code: 0 })
    const info = async (): Promise<readonly string[]> =>
      (await world.ccr(['preset', 'info', 'team'])).stdout.split('\n')
    const told = [
      '  provider ours at https://llm.example/$5 (m)',
      '  names the address https://count.example/#{key}/#{token}',
      '  route default to ours,m',
    ]
    expect((await info()).slice(1, 4)).toEqual(told)
    const asked = (await info()).slice(4)
    expect(asked[0]).toBe('  asks for place (input)')

    await world.config({ presets: { team: { place: '$PLACE' } } })
    expect((await info()).slice(1, 4)).toEqual(told.with(0, '  provider ours at $PLACE (m)'))
    await world.config({ APIKEY: '$NOT_SET', presets: {} })
    expect((await info()).slice(1)).toEqual([...told.with(0, '  provider ours at #{place} (m)'), ...asked])
  })

  it.each([
    ['nobody agreed', ['FILE', ...ANSWERS], /nobody can be asked.*--yes/],
    ['answers are missing', ['FILE', '--yes'], /needs key \(API key\), model \(select\)/],
    [
      'an answer does not fit',
      ['FILE', '--yes', '--input', 'key=k', '--input', 'model=huge'],
      /model must be one of large/,
    ],
    ['an answer is to no question', ['FILE', '--yes', '--input', 'kay=secret'], /"kay" is no input.*Known: key, model/],
    [
      'a variable is set nowhere',
      ['FILE', '--yes', '--input', 'model=large', '--input', 'key=$NOT_SET'],
      /answers name NOT_SET, which is not set\. Set it/,
    ],
    ['row 140: the name is a command', ['FILE', '--yes', '--name', 'status', ...ANSWERS], /`ccr status` is a command/],
    ['row 140: the name leads elsewhere', ['FILE', '--yes', '--name', '../x', ...ANSWERS], /letters, digits/],
    ['there is no such file', ['./absent.json', '--yes'], /absent.json cannot be read/],
    ['there is no such name', ['absent', '--yes'], /no preset absent comes with the router/],
    ['row 139: it is more than data', ['EVIL', '--yes'], /evil.json:\d+:\d+: \/StatusLine\/command names a file/],
    ['row 144: it is newer', ['NEWER', '--yes'], /version 2 of the preset format, and this router reads version 1/],
    ['row 144: a key is unknown', ['UNKNOWN', '--yes'], /\/Routes is not a key of version 1/],
    ['row 137: it is a zip', ['ZIP', '--yes'], /zip archive/],
    ['it needs a plugin', ['PLUGIN', '--yes'], /first run `ccr plugin add @acme\/x@1.2.3 --integrity sha512-HASH==`/],
  ])('installs nothing when %s', async (_, args, message) => {
    await world.config('{ /* mine */ }')
    const plugins = [{ name: '@acme/x', version: '1.2.3', integrity: `sha512-${'a'.repeat(86)}==` }]
    const files: Record<string, string> = {
      FILE: await world.manifest(ASKING),
      EVIL: await world.manifest({ ...ASKING, StatusLine: { command: 'touch marker' } }, 'evil.json'),
      NEWER: await world.manifest({ schemaVersion: 2 }, 'newer.json'),
      UNKNOWN: await world.manifest({ name: 'a', version: '1', Routes: {} }, 'unknown.json'),
      ZIP: await world.manifest('PK\u0003\u0004', 'preset.zip'),
      PLUGIN: await world.manifest({ name: 'a', version: '1', plugins }, 'plugin.json'),
    }
    const before = await world.tree()
    const { code, stderr, stdout } = await world.ccr(['preset', 'install', ...args.map((one) => files[one] ?? one)])
    expect({ code, stderr: stderr.replace(/a{86}/g, 'HASH') }).toEqual({
      code: 1,
      stderr: expect.stringMatching(message) as string,
    })
    expect(stderr + stdout).not.toMatch(/secret|CANARY/)
    expect(await world.tree()).toEqual(before)
  })

  it.each([true, false])('row 141: what fails midway leaves everything as it was (router: %s)', async (runs) => {
    const timeout = { ...ASKING, name: 'late', API_TIMEOUT_MS: '#{key}' }
    await world.config('{ /* mine */ }')
    if (runs) await world.start()
    const before = await world.tree()
    const failed = await world.ccr(['preset', 'install', await world.manifest(timeout), '--yes', ...ANSWERS])
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\/API_TIMEOUT_MS of the preset late/) as string,
    })
    expect(await world.tree()).toEqual({ ...before, 'presets/': '' })
    // The same over one that is installed.
    await world.ccr(['preset', 'install', await world.manifest({ ...ASKING, name: 'late' }), '--yes', ...ANSWERS])
    const installed = await world.tree()
    const over = ['preset', 'install', await world.manifest(timeout), '--yes', '--force', ...ANSWERS]
    expect(await world.ccr(over)).toMatchObject({ code: 1 })
    expect(await world.tree()).toEqual(installed)
  })

  it('that the config extends is deleted with a word about it', async () => {
    await world.ccr(['preset', 'install', await world.manifest(ASKING), '--yes', ...ANSWERS])
    const file = join(world.home, 'config.json')
    await world.config((await readFile(file, 'utf8')).replace('{', '{ extends: ["team"],'))
    const deleted = await world.ccr(['preset', 'delete', 'team'])
    expect(deleted).toMatchObject({ code: 0, stderr: expect.stringMatching(/config still extends team/) as string })
    expect(await readFile(file, 'utf8')).not.toContain('CANARY')
  })

  it.each([true, false])('another preset of its name is given none of its answers (router: %s)', async (runs) => {
    await world.config({ Router: { default: 'demo,demo' } })
    const router = runs ? await world.start() : undefined
    await world.ccr(['preset', 'install', await world.manifest(ASKING), '--yes', ...ANSWERS])
    const over = ['preset', 'install', 'FILE', '--yes', '--force']
    const install = async (more: object) =>
      world.ccr(
        over.with(2, await world.manifest({ ...ASKING, Router: { default: 'theirs,m' }, ...more }, 'other.json')),
      )
    const asking = await install({ schema: [{ id: 'key', type: 'password' }] })
    expect(asking).toMatchObject({ code: 1, stderr: expect.stringMatching(/needs key/) as string })
    const upstream = await web(echoProvider())
    const theirs = { name: 'theirs', api_base_url: `${upstream.url}/v1`, api_key: '#{key}', models: ['m'] }
    const optional = { schema: [{ id: 'key', required: false }], Providers: [theirs] }
    expect(await install(optional)).toMatchObject({ code: 0 })
    expect(await readFile(join(world.home, 'config.json'), 'utf8')).not.toContain('CANARY')
    if (router !== undefined) expect((await ask(`${router.url}/preset/team`)).text).toContain('undefined m')
  })

  it('row 141: killed in the middle, it leaves the config as it was, and the next installation is whole', async () => {
    const cli = await createCli()
    more.push(cli)
    const config = await cli.writeConfig('{ /* mine */ }')
    const file = await world.manifest(ASKING)
    const folder = join(cli.home, 'presets', 'team')
    const child = cli.launch(['preset', 'install', file, '--yes', ...ANSWERS])
    const ended = finish(child)
    await until('the folder', async () => existsSync(folder))
    child.kill('SIGKILL')
    expect((await ended).signal).toBe('SIGKILL')
    expect(await readFile(config, 'utf8')).toBe('{ /* mine */ }')
    expect(await readFile(join(folder, 'manifest.json'), 'utf8')).toBe(await readFile(file, 'utf8'))
    expect(await cli.run(['preset', 'install', 'team', ...ANSWERS])).toMatchObject({ code: 0, stderr: '' })
    expect(await readFile(config, 'utf8')).toContain('/* mine */')
  })

  it('row 143: of two installations at once one wins; the other says so', async () => {
    const files = [
      await world.manifest(ASKING, 'a.json'),
      await world.manifest({ ...ASKING, description: 'theirs' }, 'b.json'),
    ]
    const both = await Promise.all(files.map((file) => world.ccr(['preset', 'install', file, '--yes', ...ANSWERS])))
    expect(both.map(({ code }) => code).sort()).toEqual([0, 1])
    const won = both.findIndex(({ code }) => code === 0)
    expect(both[1 - won]!.stderr).toMatch(/the preset team is installed.*--force/)
    expect((await world.tree())['presets/team/manifest.json']).toBe(await readFile(files[won]!, 'utf8'))
  })

  it('is served as soon as its folder is there, and left out visibly when it is broken', async () => {
    await world.config({ timeouts: { reloadDebounce: 20 } })
    const router = await world.start()
    const folder = join(world.home, 'presets', 'hand')
    const status = async (): Promise<number> => (await ask(`${router.url}/preset/hand`)).status
    await mkdir(folder, { recursive: true })
    await writeFile(
      join(folder, 'manifest.json'),
      '{ "name": "hand", "version": "1", "Router": { "default": "demo,demo" }, "Own": 1 }',
    )
    await until('the preset', async () => (await status()) === 200)
    expect((await world.ccr(['status'])).stdout).toMatch(/warning: .*hand\/manifest.json:1:\d+: Own is not read/)
    await writeFile(join(folder, 'manifest.json'), '{ "name": "hand"')
    await until('its fault', async () =>
      (await world.ccr(['status'])).stdout.includes('preset hand is served as it was'),
    )
    expect(await status()).toBe(200)
    await rm(folder, { recursive: true })
    await until('its end', async () => (await status()) === 404)
    await mkdir(folder)
    await writeFile(join(folder, 'manifest.json'), '{ "name": "hand", "version": "1", "PORT": 1 }')
    await until('the next fault', async () =>
      (await world.ccr(['status'])).stdout.includes('preset hand is left out: '),
    )
    expect((await ask(router.url)).status).toBe(200)
  })
})

describe('ccr <preset>', () => {
  it('runs Claude Code against it; the name of a command is the command; any other word is unknown', async () => {
    await world.config({})
    const router = await world.start()
    const executable = join(world.root, 'claude')
    const out = join(world.root, 'seen.json')
    const script = `const seen = JSON.stringify([process.argv.slice(2), process.env])
require('node:fs').writeFileSync(${JSON.stringify(out)}, seen)`
    await writeFile(executable, `#!${process.execPath}\n${script}\nprocess.exit(7)\n`)
    await chmod(executable, 0o755)
    expect(await world.ccr(['preset', 'install', 'ci', '--yes'])).toMatchObject({ code: 0 })
    const ran = await world.ccr(['ci', '-p', 'say $HOME', '--help'], { CLAUDE_PATH: executable })
    expect(ran).toEqual({ code: 7, stdout: '', stderr: '' })
    const [args, env] = JSON.parse(await readFile(out, 'utf8')) as [string[], Record<string, string>]
    expect(args).toEqual(['-p', 'say $HOME', '--help'])
    expect(env).toMatchObject({ ANTHROPIC_BASE_URL: `${router.url}/preset/ci`, CI: 'true', API_TIMEOUT_MS: '1800000' })
    expect(await world.ccr(['absent'])).toMatchObject({ code: 1 })
    await writeFile(join(world.home, 'presets/ci/manifest.json'), '{')
    expect((await world.ccr(['ci'], { CLAUDE_PATH: executable })).code).not.toBe(7)
  })
})
