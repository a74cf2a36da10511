import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
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
