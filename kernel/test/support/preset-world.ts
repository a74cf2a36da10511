import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeFailure } from '../../src/cli/failure.ts'
import { runProgram } from '../../src/cli/program.ts'
import { serve, type Running } from '../../src/host/serve.ts'

/** What a command left behind. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A home in which commands and a router run, in this process. */
export interface PresetWorld {
  readonly root: string
  readonly home: string
  /** Runs `ccr` with these arguments. */
  ccr(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ran>
  /** Writes `config.json`. */
  config(value: object | string): Promise<void>
  /** Writes a manifest beside the home and gives its path. */
  manifest(value: object | string, name?: string): Promise<string>
  start(env?: NodeJS.ProcessEnv): Promise<Running>
  /** Every file below the home but those of a running router, with its text. */
  tree(): Promise<Readonly<Record<string, string>>>
  dispose(): Promise<void>
}

/** Makes an empty home. */
export async function createPresetWorld(): Promise<PresetWorld> {
  const root = await mkdtemp(join(tmpdir(), 'ccr-presets-'))
  const home = join(root, 'home')
  const running: Running[] = []
  const world: PresetWorld = {
    root,
    home,
    async ccr(args, env = {}) {
      const lines: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] }
      const context = {
        home,
        env: { PATH: process.env['PATH'], HOME: root, CCR_HOME: home, ...env },
        version: '1.2.3',
        print: (line: string) => void lines.stdout.push(line),
        complain: (line: string) => void lines.stderr.push(line),
      }
      const code = await runProgram(context, args).catch((thrown: unknown) => {
        const failure = describeFailure(thrown, home)
        lines.stderr.push(...failure.lines)
        return failure.exitCode
      })
      return { code, stdout: lines.stdout.join('\n'), stderr: lines.stderr.join('\n') }
    },
    async config(value) {
      await mkdir(home, { recursive: true })
      await writeFile(join(home, 'config.json'), typeof value === 'string' ? value : JSON.stringify(value, null, 2))
    },
    async manifest(value, name = 'preset.json') {
      const file = join(root, name)
      await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value, null, 2))
      return file
    },
    async start(env = {}) {
      const router = await serve({ home, port: 0, env, version: '1.2.3' })
      running.push(router)
      return router
    },
    async tree() {
      const files: Record<string, string> = {}
      for (const name of await readdir(home, { recursive: true }).catch(() => [])) {
        if (/^(?:run|logs|data)\b|\.log$|\.bak$/.test(name)) continue
        if ((await stat(join(home, name))).isFile()) files[name] = await readFile(join(home, name), 'utf8')
        else files[`${name}/`] = ''
      }
      return files
    },
    async dispose() {
      for (const router of running) await router.close({ graceMs: 0 })
      await rm(root, { recursive: true, force: true, maxRetries: 3 })
    },
  }
  return world
}

/** A web server on loopback. */
export interface WebServer {
  readonly url: string
  readonly port: number
  /** Connections so far. */
  readonly connections: () => number
  close(): Promise<void>
}

/** Starts a web server on loopback. */
export async function serveWeb(answer: RequestListener): Promise<WebServer> {
  let connections = 0
  const server: Server = createServer(answer)
    .on('connection', () => connections++)
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections: () => connections,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A provider that answers every chat completion with the key and the model that it was sent. */
export function echoProvider(): RequestListener {
  return (request, response) => {
    void bodyOf(request).then((body) => {
      const { model } = JSON.parse(body) as { readonly model: string }
      const content = `${request.headers.authorization} ${model}`
      const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
      const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model, choices, usage }))
    })
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string
  return text
}

/** Asks a router for a message; gives the status and the text. */
export async function ask(url: string, model = 'any'): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] }),
  })
  return { status: answer.status, text: await answer.text() }
}
