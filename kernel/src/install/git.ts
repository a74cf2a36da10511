import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { CcrError } from '@ccr/sdk'
import { isPublicAddress, resolveHost } from './addresses.ts'
import type { Source } from './source.ts'

/** How a repository is fetched. */
export interface CloneOptions {
  /** An empty folder for the files. */
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** Takes http, files and addresses of this machine and its network too; whoever sets it logs it. */
  readonly allowPrivate: boolean
}

const TIMEOUT_MS = 120_000

/** Nothing that a repository or a setting says is executed: no hooks, no filters, no links, no other protocols. */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.symlinks=false',
  'core.fsmonitor=false',
  'core.autocrlf=false',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
  'http.followRedirects=false',
  'transfer.fsckObjects=true',
  'gc.auto=0',
]

/**
 * Fetches one commit of a repository into a folder and gives its id.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE`
 */
export async function cloneCommit(
  source: Extract<Source, { type: 'git' }>,
  { folder, env, allowPrivate }: CloneOptions,
): Promise<string> {
  const url = source.url.replace(/^git\+/, '')
  const pinned = await checkAddress(url, allowPrivate)
  const protocols = allowPrivate ? 'https:http:ssh:file' : 'https:ssh'
  const git = (...args: readonly string[]): Promise<string> =>
    runGit(args, { folder, settings: [...SETTINGS, ...pinned], env: environment(env, protocols), url })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await git('init', '--quiet', '--template=')
  await git('fetch', '--quiet', '--depth=1', '--no-tags', '--no-recurse-submodules', '--', url, source.ref ?? 'HEAD')
  await git('checkout', '--quiet', '--force', '--detach', 'FETCH_HEAD')
  return (await git('rev-parse', 'HEAD')).trim()
}

/** Settings that make git connect to the very address that was checked. */
async function checkAddress(url: string, allowPrivate: boolean): Promise<readonly string[]> {
  const { protocol, hostname, port } = new URL(url)
  if (allowPrivate) return []
  const remedy = 'Name a repository of a public host over https, or allow it with --allow-private-addresses.'
  if (protocol !== 'https:' && protocol !== 'ssh:') {
    throw failed(url, `${protocol.slice(0, -1)} is not accepted`, remedy)
  }
  const addresses = await resolveHost(hostname).catch((thrown: Error) => {
    throw failed(url, thrown.message, 'Check the name of the host.')
  })
  const refused = addresses.find(({ address }) => !isPublicAddress(address))
  if (refused !== undefined || addresses.length === 0) {
    throw failed(url, `its host leads to ${refused?.address ?? 'no address'}, which is not public`, remedy)
  }
  return protocol === 'https:'
    ? [`http.curloptResolve=${hostname}:${port || '443'}:${addresses.map(({ address }) => address).join(',')}`]
    : []
}

/** What ssh says when it does not get as far as the repository; git only says that it could not read. */
const SSH_FAILURE = /^(?:ssh: .+|.*Permission denied \(.+|Host key verification failed.*)$/m

interface Run {
  readonly folder: string
  readonly settings: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly url: string
}

const run = promisify(execFile)

async function runGit(args: readonly string[], { folder, settings, env, url }: Run): Promise<string> {
  const flags = settings.flatMap((setting) => ['-c', setting])
  try {
    const { stdout } = await run('git', [...flags, ...args], {
      cwd: folder,
      env,
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: 4 * 1024 * 1024,
      windowsHide: true,
    })
    return stdout
  } catch (thrown) {
    const { code, stderr = '', killed } = thrown as { code?: unknown; stderr?: string; killed?: boolean }
    if (code === 'ENOENT') throw failed(url, 'git is not installed', 'Install git.')
    if (killed === true) throw failed(url, `git did not end within ${TIMEOUT_MS / 1000} s`, 'Try again later.')
    if (stderr.includes('cannot run ssh:')) {
      throw failed(url, 'ssh is not installed', 'Install ssh, or name the repository as git+https://.')
    }
    const bySsh = SSH_FAILURE.exec(stderr)?.[0].trim()
    if (bySsh !== undefined) throw failed(url, bySsh.slice(0, 300), 'Check that ssh alone reaches the host.')
    const lines = stderr.split('\n').filter((line) => /^(?:fatal|error|remote):/.test(line))
    const fact = (lines[0] ?? 'git failed without a word').replace(/^(?:fatal|error|remote): */, '')
    throw failed(url, fact.slice(0, 300), 'Check the URL and the branch, tag or whole commit id after #.')
  }
}

/** The user's settings are left out: they name filters and helpers, which are programs. */
function environment(env: NodeJS.ProcessEnv, protocols: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(env).filter(([name]) => !name.startsWith('GIT_') || name.startsWith('GIT_SSL_'))
  return {
    ...Object.fromEntries(inherited),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: process.platform === 'win32' ? 'NUL' : '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: protocols,
    GIT_LFS_SKIP_SMUDGE: '1',
  }
}

function failed(url: string, fact: string, remedy: string): CcrError {
  return new CcrError('CCR_INSTALL_SOURCE', `${url} cannot be fetched: ${fact.replace(/\.$/, '')}. ${remedy}`)
}
