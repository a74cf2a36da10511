import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Exchange, RouterConfig } from '@ccr/sdk'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mergeRoutes } from './merge.ts'
import { Projects } from './projects.ts'
import { isSafeSessionId } from './project-folder.ts'

const FOLDER = '-home-me-project'
const SESSION = '00000000-0000-4000-8000-000000000001'
const BASE: RouterConfig = {
  default: 'Mock,base',
  think: 'Mock,base-think',
  background: 'Mock,base-background',
  longContextThreshold: 1000,
  families: { opus: { default: 'Mock,opus', think: 'Mock,opus-think' } },
  models: { a: 'Mock,a' },
}
const providers = [
  { name: 'Mock', models: [], dialect: 'openai', local: false },
  { name: 'Other', models: [], dialect: 'openai', local: false },
]

let root: string
let now: number
let projects: Projects

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ccr-projects-'))
  now = 1_000
  const places = { home: join(root, 'home'), projects: join(root, 'projects') }
  await mkdir(join(places.home, FOLDER), { recursive: true })
  await mkdir(join(places.projects, '-elsewhere'), { recursive: true })
  await mkdir(join(places.projects, FOLDER), { recursive: true })
  projects = new Projects(BASE, places, () => now)
})
afterEach(() => rm(root, { recursive: true, force: true }))

const transcript = (): Promise<void> => writeFile(join(root, 'projects', FOLDER, `${SESSION}.jsonl`), '{}\n')
const ofHome = (name: string, value: unknown): Promise<void> =>
  writeFile(join(root, 'home', FOLDER, name), typeof value === 'string' ? value : JSON.stringify(value))
const ofClient = (value: unknown): Promise<void> =>
  writeFile(join(root, 'projects', FOLDER, 'claude-code-router.json'), JSON.stringify(value))

// Each exchange is another object; of it no more than this is read.
const routes = async (sessionId: string | undefined = SESSION) =>
  projects.routesFor({ client: { app: 'test', sessionId }, providers, locals: {} } as unknown as Exchange)

describe('where a project and a session say it', () => {
  it('session goes before project, project before the config', async () => {
    await transcript()
    expect(await routes()).toBeUndefined()
    await ofHome('config.json', { Router: { default: 'Mock,project', think: 'Mock,project-think' } })
    now += 2_000
    expect((await routes())?.router).toMatchObject({ default: 'Mock,project', think: 'Mock,project-think' })
    await ofHome(`${SESSION}.json`, { Router: { default: 'Mock,session' } })
    now += 2_000
    const merged = await routes()
    expect(merged?.router).toEqual({ ...BASE, default: 'Mock,session', think: 'Mock,project-think' })
    expect([...merged!.origins]).toEqual([
      ['default', 'session'],
      ['think', 'project'],
    ])
  })

  it('thresholds and switches may be text, as in the config', async () => {
    await transcript()
    await ofHome('config.json', { Router: { longContextThreshold: '5', enableFamilyRouting: 'true', think: null } })
    const { think: _, ...rest } = BASE
    expect((await routes())?.router).toEqual({ ...rest, longContextThreshold: 5, enableFamilyRouting: true })
  })

  it("the client's own folder is read too, and the router's goes before it", async () => {
    await transcript()
    await ofClient({ Router: { default: 'Mock,client', think: 'Mock,client-think' } })
    await ofHome('config.json', { Router: { default: 'Mock,project' } })
    expect((await routes())?.router).toMatchObject({ default: 'Mock,project', think: 'Mock,client-think' })
  })

  it('a session whose transcript appears later is found then', async () => {
    await ofHome('config.json', { Router: { default: 'Mock,project' } })
    expect(await routes()).toBeUndefined()
    await transcript()
    expect(await routes()).toBeUndefined()
    now += 2_001
    expect((await routes())?.router.default).toBe('Mock,project')
  })

  it('a file that changes, or goes, holds within a second', async () => {
    await transcript()
    await ofHome('config.json', { Router: { default: 'Mock,first' } })
    expect((await routes())?.router.default).toBe('Mock,first')
    await ofHome('config.json', { Router: { default: 'Other,another' } })
    expect((await routes())?.router.default).toBe('Mock,first')
    now += 1_001
    expect((await routes())?.router.default).toBe('Other,another')
    await rm(join(root, 'home', FOLDER, 'config.json'))
    now += 1_001
    expect(await routes()).toBeUndefined()
  })

  it('one exchange sees one answer', async () => {
    await transcript()
    await ofHome('config.json', { Router: { default: 'Mock,first' } })
    const exchange = { client: { app: 'test', sessionId: SESSION }, providers, locals: {} } as unknown as Exchange
    const first = await projects.routesFor(exchange)
    now += 5_000
    await ofHome('config.json', { Router: { default: 'Mock,second' } })
    expect(await projects.routesFor(exchange)).toBe(first)
  })

  it.each(['../../../../evil', '..', 'a/b', 'a\\b', '', 'x'.repeat(65), 'a.b', 'a\0b'])(
    'a session that calls itself %j opens no file',
    async (id) => {
      await writeFile(join(root, 'evil.jsonl'), '')
      await writeFile(join(root, 'evil.json'), JSON.stringify({ Router: { default: 'Mock,evil' } }))
      expect(isSafeSessionId(id)).toBe(false)
      expect(await routes(id)).toBeUndefined()
    },
  )

  it('any identifier that is accepted is a plain name', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (id) => {
        if (isSafeSessionId(id)) expect(join('/folder', `${id}.json`)).toBe(`/folder/${id}.json`)
      }),
    )
  })
})

describe('what it may say', () => {
  it.each([
    ['no JSON', '{', 'cannot be read'],
    ['no object', '[]', 'holds no JSON object'],
    ['a Router that is no object', '{"Router":5}', 'Router is no object'],
    ['more than a megabyte', `{"Router":{"default":"Mock,${'x'.repeat(300_000)}"}}`, 'is larger than'],
  ])('%s: the config holds, and the file is named', async (_, text, fault) => {
    await transcript()
    await ofHome('config.json', text)
    const merged = await routes()
    expect(merged?.router).toEqual(BASE)
    expect(merged?.refused).toEqual([
      { rule: 'project', reason: expect.stringContaining(fault) as string, unmatched: true },
    ])
    expect(merged?.refused[0]?.reason).toContain(join(FOLDER, 'config.json'))
  })

  it('an empty text counts as absent, and is no fault', async () => {
    await transcript()
    await ofHome('config.json', { Router: { default: 'Mock,project', think: '', models: { 'claude-x': ' ' } } })
    const merged = await routes()
    expect(merged?.refused).toEqual([])
    expect(merged?.router).toMatchObject({ ...BASE, default: 'Mock,project' })
  })

  it('no pipe and no folder: neither is read, and each is named', async () => {
    await transcript()
    execFileSync('mkfifo', [join(root, 'projects', FOLDER, 'claude-code-router.json')])
    await mkdir(join(root, 'home', FOLDER, 'config.json'))
    const merged = await routes()
    expect(merged?.router).toEqual(BASE)
    expect(merged?.refused.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/claude-code-router\.json is no file$/),
      expect.stringMatching(/config\.json is no file$/),
    ])
  })

  it('providers, keys and plugins are refused, each by name', async () => {
    await transcript()
    const Providers = [{ name: 'evil', api_base_url: 'http://evil.example', api_key: 'k' }]
    await ofHome('config.json', { Providers, plugins: ['file:./evil.ts'], APIKEY: 'x', Router: { default: 'evil,x' } })
    const merged = await routes()
    expect(merged?.router).toEqual(BASE)
    const reasons = merged!.refused.map(({ rule, reason }) => `${rule}: ${reason}`)
    for (const key of ['Providers', 'plugins', 'APIKEY'])
      expect(reasons).toContainEqual(expect.stringContaining(`says ${key}, which only the config may say`))
    expect(reasons).toContain("Router.default of the project: there is no provider 'evil'")
  })
})

describe('mergeRoutes', () => {
  const merge = (router: object) =>
    mergeRoutes(BASE, [{ origin: 'project', router: router as Readonly<Record<string, unknown>> }], providers)

  it('lays families and tables over each other key by key; null takes a key away', () => {
    const over = {
      think: null,
      longContextThreshold: 5,
      enableFamilyRouting: true,
      families: { opus: { think: 'other,x', default: null }, sonnet: { default: 'Mock,sonnet' } },
      models: { b: 'Mock,b' },
      agents: { Explore: 'Mock,explore' },
    }
    const { router, refused, origins } = merge(over)
    expect(refused).toEqual([])
    expect([...origins.keys()]).toEqual([
      'think',
      'longContextThreshold',
      'enableFamilyRouting',
      'families.opus.think',
      'families.opus.default',
      'families.sonnet.default',
      'models.b',
      'agents.Explore',
    ])
    expect(router).toEqual({
      default: 'Mock,base',
      background: 'Mock,base-background',
      longContextThreshold: 5,
      enableFamilyRouting: true,
      families: { opus: { think: 'other,x' }, sonnet: { default: 'Mock,sonnet' } },
      models: { a: 'Mock,a', b: 'Mock,b' },
      agents: { Explore: 'Mock,explore' },
    })
  })

  it('takes __proto__ for a name nowhere, or all tables would have its routes', () => {
    const text =
      '{"__proto__":{"think":"Mock,x"},"families":{"__proto__":{"think":"Mock,x"}},"models":{"__proto__":"Mock,x"}}'
    const { router, refused } = merge(JSON.parse(text) as object)
    expect(refused.map(({ rule }) => rule)).toEqual(
      ['__proto__', 'families.__proto__', 'models.__proto__'].map((path) => `Router.${path} of the project`),
    )
    expect(router).toEqual(BASE)
    for (const table of [router, router.families, router.models])
      expect(Object.getPrototypeOf(table)).toBe(Object.prototype)
  })

  it.each([
    [{ longContextThreshold: -1 }, 'Router.longContextThreshold', 'it is no number of tokens'],
    [{ longContextThreshold: 1.5 }, 'Router.longContextThreshold', 'it is no number of tokens'],
    [{ think: 'gone,x' }, 'Router.think', "there is no provider 'gone'"],
    [{ think: 5 }, 'Router.think', 'it is not provider,model'],
    [{ longContextThreshold: '5' }, 'Router.longContextThreshold', 'it is no number of tokens'],
    [{ enableFamilyRouting: 'yes' }, 'Router.enableFamilyRouting', 'it is neither true nor false'],
    [{ families: 5 }, 'Router.families', 'it is no object'],
    [{ families: { opus: { default: 'gone,x' } } }, 'Router.families.opus.default', "there is no provider 'gone'"],
    [{ models: { b: 'gone,x' } }, 'Router.models.b', "there is no provider 'gone'"],
    [{ custom: './evil.js' }, 'Router.custom', 'it is no route, threshold or table of routes'],
  ])('%j is refused, and the config holds', (over, path, reason) => {
    const { router, refused } = merge(over)
    expect(refused).toEqual([{ rule: `${path} of the project`, reason, unmatched: true }])
    expect(router).toMatchObject({ think: 'Mock,base-think', families: BASE.families, models: BASE.models })
  })

  it('never names a provider that is not configured, whatever an override says', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('Mock,x', 'other,y', 'gone,z'))
    const leaf = fc.oneof(text, fc.integer(), fc.constant(null), fc.object({ maxDepth: 2 }))
    const key = fc.oneof(fc.string(), fc.constantFrom('default', 'think', 'families', 'models', 'agents', '__proto__'))
    const layer = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf)))))
    fc.assert(
      fc.property(layer, (over) => {
        const { router } = mergeRoutes({}, [{ origin: 'session', router: over }], providers)
        for (const route of textsIn(router)) expect(route).toMatch(/^\s*(mock|other)\s*,/i)
      }),
    )
  })
})

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

it('a family or a model may have dots in its name', () => {
  const router = {
    families: { 'gpt-4.1': { think: 'Mock,x', image: 'gone,x', other: 1 } },
    models: { 'a.b': 'Mock,y' },
  }
  const merged = mergeRoutes(BASE, [{ origin: 'project', router }], providers)
  expect(merged.router.families?.['gpt-4.1']).toEqual({ think: 'Mock,x' })
  expect(merged.router.models).toEqual({ a: 'Mock,a', 'a.b': 'Mock,y' })
  expect([...merged.origins.keys()]).toEqual(['families.gpt-4.1.think', 'models.a.b'])
  expect(merged.refused.map(({ rule }) => rule)).toEqual([
    'Router.families.gpt-4.1.image of the project',
    'Router.families.gpt-4.1.other of the project',
  ])
})
