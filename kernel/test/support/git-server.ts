import { execFile, spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs git apart from the settings of whoever runs the test. */
export async function git(folder: string, ...args: readonly string[]): Promise<string> {
  const { PATH } = process.env
  const identity = {
    GIT_AUTHOR_NAME: 'ann',
    GIT_AUTHOR_EMAIL: 'a@b.c',
    GIT_COMMITTER_NAME: 'ann',
    GIT_COMMITTER_EMAIL: 'a@b.c',
  }
  const env = { PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', ...identity }
  const { stdout } = await run('git', [...args], { cwd: folder, env })
  return stdout.trim()
}

/** A repository of the files in a folder, with one commit and one tag; gives the commit. */
export async function commitFolder(folder: string, tag: string): Promise<string> {
  await git(folder, 'init', '--quiet', '--initial-branch=main')
  await git(folder, 'add', '--all')
  await git(folder, 'commit', '--quiet', '--message=one')
  await git(folder, 'tag', tag)
  return git(folder, 'rev-parse', 'HEAD')
}

/** Serves the repositories below a folder over HTTP, by the program that git has for it. */
export async function startGitServer(root: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const backend = join((await git(root, '--exec-path')).trim(), 'git-http-backend')
  const server = createServer((request, response) => serveGit(backend, root, request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function serveGit(backend: string, root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost')
  const { headers } = request
  const child = spawn(backend, {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      REQUEST_METHOD: request.method,
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: String(headers['content-encoding'] ?? ''),
      GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  request.pipe(child.stdin)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => void chunks.push(chunk))
  child.once('close', () => {
    const output = Buffer.concat(chunks)
    const end = output.indexOf('\r\n\r\n')
    const lines = output.subarray(0, end).toString('latin1').split('\r\n')
    const fields = lines.map((line) => line.split(/: (.*)/s) as [string, string])
    const status = fields.find(([name]) => name === 'Status')?.[1]
    response.writeHead(
      Number.parseInt(status ?? '200', 10),
      Object.fromEntries(fields.filter(([name]) => name !== 'Status')),
    )
    response.end(output.subarray(end + 4))
  })
}
