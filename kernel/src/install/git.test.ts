import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cloneCommit } from './git.ts'

let folder: string
let bin: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ccr-git-'))
  bin = join(folder, 'bin')
  await mkdir(bin)
  await symlink(execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim(), join(bin, 'git'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What is said of a repository that is reached by the only ssh there is. */
async function refusal(): Promise<string> {
  const source = { type: 'git', url: 'git+ssh://git@127.0.0.1:9/x.git', ref: undefined } as const
  const options = { folder: join(folder, 'clone'), env: { PATH: bin, HOME: folder }, allowPrivate: true }
  return cloneCommit(source, options).then(
    () => 'it was fetched',
    (thrown: Error) => thrown.message,
  )
}

it('says that ssh is missing', async () => {
  const fact = 'ssh://git@127.0.0.1:9/x.git cannot be fetched: ssh is not installed.'
  expect(await refusal()).toBe(`${fact} Install ssh, or name the repository as git+https://.`)
})

it.each([
  ['git@127.0.0.1: Permission denied (publickey).', 'Permission denied (publickey)'],
  ['Host key verification failed.', 'Host key verification failed'],
  ['ssh: connect to host 127.0.0.1 port 9: Connection refused', 'Connection refused'],
])('says what ssh says: %s', async (line, fact) => {
  await writeFile(join(bin, 'ssh'), `#!/bin/sh\necho 'Warning: of no matter' >&2\necho '${line}' >&2\nexit 255\n`, {
    mode: 0o700,
  })
  expect(await refusal()).toContain(`${fact}. Check that ssh alone reaches the host`)
})

describe('without leave for private addresses', () => {
  /** What git was started with, instead of being run. */
  async function started(url: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const log = join(folder, 'log')
    await rm(join(bin, 'git'))
    const script = `#!/bin/sh\n/bin/echo "$@" >> ${log}\n/usr/bin/env | /bin/grep ^GIT_ | /usr/bin/sort >> ${log}\n`
    await writeFile(join(bin, 'git'), script, { mode: 0o700 })
    const source = { type: 'git', url, ref: 'v1' } as const
    const options = { folder: join(folder, 'clone'), env: { PATH: bin, ...env }, allowPrivate: false }
    const failure = await cloneCommit(source, options).then(
      () => '',
      (thrown: Error) => thrown.message,
    )
    return failure + (await readFile(log, 'utf8').catch(() => ''))
  }

  it.each([
    ['git+https://127.0.0.1/x.git', 'its host leads to 127.0.0.1, which is not public'],
    ['git+https://[::1]:1/x.git', 'its host leads to ::1, which is not public'],
    ['git+ssh://git@localhost/x.git', 'its host leads to 127.0.0.1, which is not public'],
    ['git+https://name.invalid/x.git', 'Check the name of the host.'],
    ['git+http://1.1.1.1/x.git', 'http is not accepted'],
    ['git+file:///x.git', 'file is not accepted'],
  ])('refuses %s before git hears of it', async (url, fact) => {
    const said = await started(url)
    expect(said).toContain(fact)
    expect(said.split('\n')).toHaveLength(1)
  })

  it.each([
    ['git+https://1.1.1.1/x.git', 'http.curloptResolve=1.1.1.1:443:1.1.1.1 '],
    ['git+https://1.1.1.1:8443/x.git', 'http.curloptResolve=1.1.1.1:8443:1.1.1.1 '],
    ['git+ssh://git@1.1.1.1/x.git', 'ssh://git@1.1.1.1/x.git v1'],
  ])('lets git reach %s at the checked address alone, and run nothing', async (url, part) => {
    const said = await started(url, { GIT_CONFIG_COUNT: '1', GIT_SSL_CAINFO: 'ca.pem' })
    expect(said).toContain(part)
    expect(said).toContain('-c core.hooksPath=/dev/null')
    expect(said).toContain('GIT_ALLOW_PROTOCOL=https:ssh\n')
    expect(said).toContain('GIT_SSL_CAINFO=ca.pem')
    expect(said).not.toContain('GIT_CONFIG_COUNT')
  })
})
