import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runNpm } from './npm.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'ccr-npm-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Runs a script in the place of npm. */
async function run(script: string, timeoutMs = 60_000): Promise<string> {
  const file = join(folder, 'npm')
  await writeFile(file, `#!${process.execPath}\n${script}`)
  await chmod(file, 0o700)
  const env = { PATH: folder, npm_package_name: 'mine', npm_config_ignore_scripts: 'false', npm_config_registry: 'r' }
  return runNpm(['view', 'x'], { folder: join(folder, 'run'), env, timeoutMs })
}

it('lets no package run anything, in a folder and an environment of no project', async () => {
  const said = await run('console.log(JSON.stringify([process.argv.slice(2), process.env, process.cwd()]))')
  const [args, env, cwd] = JSON.parse(said) as [string[], NodeJS.ProcessEnv, string]
  expect(args.slice(0, 3)).toEqual(['view', 'x', '--ignore-scripts'])
  expect(env['npm_config_registry']).toBe('r')
  expect(Object.keys(env)).not.toContain('npm_package_name')
  expect(Object.keys(env)).not.toContain('npm_config_ignore_scripts')
  expect(await readFile(join(cwd, 'package.json'), 'utf8')).toBe('{}\n')
})

it.each([
  ['that never ends', 'setInterval(() => undefined, 1000)', 300],
  ['that says too much', 'const more = () => process.stdout.write("x".repeat(1 << 20), more); more()', 60_000],
])('ends one %s', async (_name, script, timeoutMs) => {
  await expect(run(script, timeoutMs)).rejects.toMatchObject({
    code: 'CCR_INSTALL_SOURCE',
    message: expect.stringContaining('npm did not end within') as string,
  })
})

it.each([
  ['npm error code E404\nnpm error 404 Not Found - x', 'npm view failed: E404: 404 Not Found - x. Check the name'],
  ['npm error code EINTEGRITY\nnpm error sha512 differs', 'EINTEGRITY: sha512 differs. What arrived is not what'],
  ['', 'npm failed without a word. Check the registry'],
])('says what npm says: %j', async (said, told) => {
  await expect(run(`process.stderr.write(${JSON.stringify(said)}); process.exitCode = 1`)).rejects.toThrow(told)
})
