import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { create } from 'tar'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPresetWorld, serveWeb, type PresetWorld, type WebServer } from './support/preset-world.ts'

let world: PresetWorld
let server: WebServer | undefined
beforeEach(async () => {
  world = await createPresetWorld()
  await world.config('{ /* mine */ }')
})
afterEach(async () => {
  await world.dispose()
  await server?.close()
  server = undefined
})

const MANIFEST = JSON.stringify({
  name: 'team',
  version: '1.0.0',
  description: 'ours',
  Router: { default: 'demo,demo' },
})
const ALLOW = '--allow-private-addresses'

async function web(answer: RequestListener): Promise<WebServer> {
  server = await serveWeb(answer)
  return server
}

/** Answers by path, as JSON. */
function pages(bodies: Readonly<Record<string, string | Buffer>>): RequestListener {
  return (request, response) => {
    const body = bodies[decodeURIComponent(request.url ?? '')]
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(body)
  }
}

const integrityOf = (bytes: string | Buffer): string => `sha512-${createHash('sha512').update(bytes).digest('base64')}`

describe('ccr preset install <URL>', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '１２７.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '0',
    'localhost.',
    'localhost',
    '169.254.169.254',
  ])('S12, row 138: https and http of %s are refused without a connection, and nothing is written', async (host) => {
    const { port, connections } = await web(pages({ '/p.json': MANIFEST }))
    const before = await world.tree()
    for (const scheme of ['https', 'http']) {
      const refused = await world.ccr(['preset', 'install', `${scheme}://${host}:${port}/p.json`, '--yes'])
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^ccr: .*--allow-private/) as string })
    }
    expect(connections()).toBe(0)
    expect(await world.tree()).toEqual(before)
  })

  it('takes one with the option, says so, and tells where it is from', async () => {
    const { url } = await web(pages({ '/p.json': MANIFEST }))
    const installed = await world.ccr(['preset', 'install', `${url}/p.json`, '--yes', ALLOW])
    expect(installed).toMatchObject({ code: 0, stderr: expect.stringMatching(/are accepted this once/) as string })
    expect(installed.stdout).toContain(`from ${url}/p.json`)
    expect((await world.tree())['presets/team/manifest.json']).toBe(MANIFEST)
  })

  it.each<[string, RequestListener, RegExp]>([
    [
      'a page about it',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
      /text\/html/,
    ],
    [
      'a picture',
      (_, response) => void response.writeHead(200, { 'content-type': 'image/png' }).end('x'),
      /image\/png/,
    ],
    ['6 MiB', (_, response) => void response.writeHead(200).end(Buffer.alloc(6 * 1024 * 1024)), /larger than 5242880/],
    ['what is no JSON', (_, response) => void response.writeHead(200).end('nothing'), /p.json:1:2/],
    ['an error', (_, response) => void response.writeHead(500).end(MANIFEST), /status 500/],
  ])('row 138: refuses %s, and nothing is written', async (_, answer, message) => {
    const { url } = await web(answer)
    const before = await world.tree()
    const { code, stderr } = await world.ccr(['preset', 'install', `${url}/p.json`, '--yes', ALLOW])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(message) as string })
    expect(await world.tree()).toEqual(before)
  })
})

describe('a marketplace', () => {
  const index = (more: object = {}): string =>
    JSON.stringify([
      {
        id: 't',
        name: 'team',
        description: 'for work',
        author: 'us',
        url: 'team.json',
        integrity: integrityOf(MANIFEST),
        ...more,
      },
      { name: 'other', description: 'another', url: 'https://x.example/', integrity: integrityOf('x'), tags: ['work'] },
      { name: 'unpinned', url: 'https://x.example/' },
      { name: 'team-2', url: 'http://[', integrity: integrityOf('x') },
    ])

  it('is searched, and what it names is installed by its name', async () => {
    const { url } = await web(pages({ '/index.json': index(), '/team.json': MANIFEST }))
    await world.config({ marketplace: `${url}/index.json` })
    const found = await world.ccr(['preset', 'search', 'WORK', ALLOW, '--json'])
    expect((JSON.parse(found.stdout) as { name: string }[]).map(({ name }) => name)).toEqual(['team', 'other'])
    expect(found.stderr).toMatch(/2 entries of the marketplace lack/)
    expect((await world.ccr(['preset', 'search', 'nothing', 'at', 'all', ALLOW])).stdout).toBe('nothing was found')
    expect(await world.ccr(['install', 'TEAM', '--yes', ALLOW])).toMatchObject({ code: 0 })
    expect((await world.tree())['presets/team/manifest.json']).toBe(MANIFEST)
    const again = await world.ccr(['install', 'team', '--yes', ALLOW])
    expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(/is installed.*--force/) as string })
    expect(await world.ccr(['install', 'unpinned', '--yes', ALLOW])).toMatchObject({ code: 1 })
    expect((await world.ccr(['install', './x.json'])).stderr).toMatch(/takes the name of a preset/)
  })

  it('S12: on this machine is not asked without the option', async () => {
    const { url, connections } = await web(pages({ '/index.json': index() }))
    for (const args of [
      ['preset', 'search'],
      ['install', 'team', '--yes'],
    ]) {
      expect(await world.ccr([...args, '--marketplace', `${url}/index.json`])).toMatchObject({ code: 1 })
    }
    expect(connections()).toBe(0)
    expect((await world.ccr(['preset', 'search'])).stderr).toMatch(/no marketplace is known/)
  })

  it.each([
    ['whose manifest is another one', index({ integrity: integrityOf('x') }), /is not what was announced/],
    ['that is no list', '{}', /is not a list/],
    ['that is no JSON', '<', /is not JSON/],
  ])('%s is refused', async (_, body, message) => {
    const { url } = await web(pages({ '/index.json': body, '/team.json': MANIFEST }))
    const before = await world.tree()
    const { code, stderr } = await world.ccr(['install', 'team', '--yes', '--marketplace', `${url}/index.json`, ALLOW])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(message) as string })
    expect(await world.tree()).toEqual(before)
  })
})

describe('ccr preset install npm:', () => {
  it('takes the manifest of a package, and runs nothing of it', async () => {
    const folder = join(world.root, 'pack', 'package')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'manifest.json'), MANIFEST)
    const marker = join(world.root, 'marker')
    const scripts = Object.fromEntries(
      ['preinstall', 'install', 'postinstall', 'prepack', 'prepare'].map((name) => [name, `touch ${marker}`]),
    )
    const description = { name: 'team-preset', version: '1.2.3', scripts }
    await writeFile(join(folder, 'package.json'), JSON.stringify(description))
    await create({ gzip: true, cwd: join(world.root, 'pack'), file: join(world.root, 'p.tgz') }, ['package'])
    const archive = await readFile(join(world.root, 'p.tgz'))
    const bodies: Record<string, string | Buffer> = { '/team-preset/-/p.tgz': archive }
    const { url, connections } = await web(pages(bodies))
    const dist = { tarball: `${url}/team-preset/-/p.tgz`, integrity: integrityOf(archive) }
    bodies['/team-preset'] = JSON.stringify({
      name: 'team-preset',
      'dist-tags': { latest: '1.2.3' },
      versions: { '1.2.3': { ...description, dist } },
      time: { '1.2.3': '2020-01-01T00:00:00.000Z' },
    })
    const env = { npm_config_registry: `${url}/` }
    expect(await world.ccr(['preset', 'install', 'npm:team-preset', '--yes'], env)).toMatchObject({ code: 1 })
    expect(connections()).toBe(0)
    const installed = await world.ccr(['preset', 'install', 'npm:team-preset@1.2.3', '--yes', ALLOW], env)
    expect(installed).toMatchObject({ code: 0 })
    expect((await world.tree())['presets/team/manifest.json']).toBe(MANIFEST)
    await expect(readFile(marker)).rejects.toThrow(/ENOENT/)
    for (const name of ['npm:../x', 'npm:git+https://x', 'npm:']) {
      expect(await world.ccr(['preset', 'install', name, '--yes'], env)).toMatchObject({ code: 1 })
    }
  })
})
