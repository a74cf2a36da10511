import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  checkInstallScripts,
  checkNamedFiles,
  checkPaths,
  checkPins,
  checkReadmeCommands,
  checkReasons,
  checkRegistryHosts,
  readRows,
  type PackageFile,
} from './repository-checks.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const packageFile = (path: string): PackageFile => JSON.parse(read(path)) as PackageFile

/** Tracked files, and those that are about to be. */
function listFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT, encoding: 'utf8' })
  return listed
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(ROOT, path)) && statSync(join(ROOT, path)).isFile())
}

const files = listFiles()
const packages = new Map(
  files.filter((path) => /(^|\/)package\.json$/.test(path)).map((path) => [path, packageFile(path)] as const),
)

describe('every file', () => {
  // This one holds what it forbids, as examples.
  const texts = files.filter((path) => path !== 'test/repository.test.ts').map((path) => [path, read(path)] as const)

  it('is free of paths of one machine', () => {
    expect(files).toContain('package.json')
    expect(texts.flatMap(([path, text]) => checkPaths(path, text))).toEqual([])
  })

  it('would be reported for a path of one machine', () => {
    const bad = [
      `'/work/main/a'`,
      'cd /root',
      'see /home/alice/a.txt',
      '"/Users/alice/a"',
      'out: /tmp/results/x',
      '(/work)',
    ]
    for (const text of bad) expect(checkPaths('a', `\n${text}`), text).toEqual([expect.stringContaining('a:2: ')])
    const good = [
      'https://host/work/a',
      './work/a',
      '~/root/a',
      '${base}/root/a',
      'a/home/b/c',
      'home and work',
      '/v1/root',
      '/worker',
    ]
    for (const text of good) expect(checkPaths('a', text), text).toEqual([])
  })

  it('is free of registry hosts', () => {
    expect(texts.flatMap(([path, text]) => checkRegistryHosts(path, text))).toEqual([])
  })

  it('would be reported for the host of a registry', () => {
    for (const text of [
      'https://registry.npmjs.org/a',
      'npm.registry.example.com',
      'https://artifactory.example.com',
      '"resolved": "https://a/b"',
    ]) {
      expect(checkRegistryHosts('a', `\n${text}`), text).toContainEqual(expect.stringContaining('a:2: '))
    }
    expect(checkRegistryHosts('a', 'the registry. Then "resolved": "kernel", "link": true')).toEqual([])
  })
})

describe('the top level', () => {
  it('holds nothing but the house and what it is built with', () => {
    const folders = ['.ci', '.github', 'docs', 'kernel', 'plugins', 'presets', 'scripts', 'sdk', 'test']
    const pages = ['AGENTS.md', 'LICENSE', 'README.md']
    const settings = ['.gitignore', '.prettierrc.json', 'tsconfig.base.json', 'tsconfig.json', 'turbo.json']
    const build = ['package-lock.json', 'package.json', 'vitest.config.ts']
    const there = new Set(files.map((path) => path.split('/', 1)[0]!))
    expect([...there].sort()).toEqual([...folders, ...pages, ...settings, ...build].sort())
  })
})

describe('the documentation', () => {
  const pages = files.filter((path) => /^(?:docs\/.*|AGENTS|README)\.md$/.test(path))

  it('names files that exist', () => {
    expect(pages.length).toBeGreaterThan(20)
    expect(pages.flatMap((path) => checkNamedFiles(path, read(path), files))).toEqual([])
  })

  it('would be reported for a file that does not exist', () => {
    const there = ['sdk/src/a.ts', 'docs/a.md', 'README.md']
    expect(checkNamedFiles('a.md', 'x\n`sdk/src/b.ts`, `node docs/b.mjs`', there)).toEqual([
      'a.md:2: there is no sdk/src/b.ts',
      'a.md:2: there is no docs/b.mjs',
    ])
    const good = '`sdk/src/a.ts:3` (docs/a.md). `sdk/src/*.ts` `my/docs/c.md` `sdk/<name>/c.ts` `docs/` ./docs/c.md'
    expect(checkNamedFiles('a.md', good, there)).toEqual([])
  })
})

describe('every package', () => {
  it('installs without a script', () => {
    expect(packages.size).toBeGreaterThan(5)
    expect([...packages].flatMap(([path, file]) => checkInstallScripts(path, file))).toEqual([])
    expect(checkInstallScripts('a', { scripts: { postinstall: 'node x', test: 'y', prepare: 'z' } })).toHaveLength(2)
  })

  it('pins exact versions', () => {
    expect([...packages].flatMap(([path, file]) => checkPins(path, file))).toEqual([])
    const ranges = { a: '^1.0.0', b: '~1.0.0', c: '1', d: '*', e: 'latest', f: '>=1.0.0', g: 'file:../g', h: '1.0.x' }
    for (const group of ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']) {
      expect(checkPins('a', { [group]: ranges }), group).toHaveLength(8)
    }
    expect(checkPins('a', { dependencies: { a: '1.2.3' }, devDependencies: { '@types/node': '^20' } })).toEqual([])
    expect(checkPins('a', { dependencies: { '@types/node': '^22' } })).toHaveLength(1)
  })

  it('has a reason for every dependency', () => {
    const rows = readRows(read('docs/design/dependencies.md'))
    expect(rows.length).toBeGreaterThan(10)
    expect(checkReasons(packages, rows)).toEqual([])
  })

  it('would be reported for a dependency without a reason', () => {
    const row = { name: 'a', version: '1.0.0', why: 'it does something that we need', replaces: 'our own' }
    const file = (version: string): ReadonlyMap<string, PackageFile> =>
      new Map([['p', { dependencies: { a: version } }]])
    expect(checkReasons(file('1.0.0'), [row])).toEqual([])
    expect(checkReasons(file('1.0.0'), [])).toEqual(['p: a has no row'])
    expect(checkReasons(file('1.0.1'), [row])).toEqual(['p: a is 1.0.1, its row says 1.0.0'])
    expect(checkReasons(file('1.0.0'), [{ ...row, why: '' }])).toEqual(['p: the row of a gives no reason'])
    expect(checkReasons(new Map(), [row])).toEqual(['the row of a belongs to no package'])
    expect(checkReasons(new Map([['p', { overrides: { a: '^1' } }]]), [row])).toContain('p: overrides.a has no row')
    expect(checkReasons(new Map([['p', { dependencies: { '@ccr/sdk': '0.1.0' } }]]), [])).toEqual([])
  })
})

describe('the README', () => {
  it('names the two commands, and scripts that exist', () => {
    expect(checkReadmeCommands(read('README.md'), packageFile('package.json'))).toEqual([])
  })

  it('would be reported for a command that does not work', () => {
    const both = 'npm install && npm start\nnpm install && npm test\n'
    const scripts = { start: 'a', test: 'b' }
    expect(checkReadmeCommands(both, { scripts })).toEqual([])
    expect(checkReadmeCommands('npm install && npm start', { scripts })).toEqual([
      `README.md: 'npm install && npm test' is not there`,
    ])
    expect(checkReadmeCommands(both, { scripts: { start: 'a' } })).toContain(`package.json: there is no script 'test'`)
    expect(checkReadmeCommands(`${both}npm run bench`, { scripts })).toEqual([
      `README.md: 'npm run bench' is not a script`,
    ])
  })
})

describe('the continuous integration', () => {
  const script = read('.ci/run')
  const workflow = read('.github/workflows/ci.yml')

  it('runs the test command of the README', () => {
    expect(script).toMatch(/^#!\/usr\/bin\/env bash\n/)
    expect(script).toContain('set -euo pipefail')
    expect(script).toContain('npm install && npm test')
    expect(workflow).toContain('.ci/run')
  })

  it('is executable', () => {
    expect(statSync(join(ROOT, '.ci/run')).mode & 0o111).not.toBe(0)
  })

  it('covers the oldest and the newer runtimes', () => {
    for (const version of ['20.19', '22', '24']) expect(workflow).toContain(`'${version}'`)
    expect(packageFile('package.json')).toMatchObject({ engines: { node: '>=20.19' } })
  })
})
