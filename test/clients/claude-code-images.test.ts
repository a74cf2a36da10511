import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startChatUpstream, type ChatAnswer, type ChatRequest, type ChatUpstream } from './chat-upstream.ts'
import { runClaudeCode, type ClaudeCodeRun } from './claude-code.ts'
import { CLAUDE_CODE_VERSIONS, installHint, locateClaudeCode } from './locate.ts'
import { startRouter, type RunningRouter } from './router.ts'
import { runProcess } from './run-process.ts'

const MAIN = fileURLToPath(new URL('../../kernel/dist/cli/main.js', import.meta.url))
/** Keeps the client from contacting anybody else. */
const QUIET = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_AUTOUPDATER: '1',
  DISABLE_ERROR_REPORTING: '1',
}
const LIMITS = { timeout: 70_000 }
const START_MS = 40_000
/** One red pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC'

describe.each(CLAUDE_CODE_VERSIONS)('Claude Code %s and images', LIMITS, (version) => {
  const client = locateClaudeCode(version)
  if (!client) {
    console.warn(installHint(version))
    it('is run', ({ skip }) => skip(installHint(version)))
    return
  }

  const folder = mkdtempSync(join(tmpdir(), 'ccr-claude-code-images-'))
  const [home, cwd] = [join(folder, 'home'), join(folder, 'work')]
  const file = join(cwd, 'red.png')
  let upstream: ChatUpstream
  let router: RunningRouter | undefined

  beforeAll(async () => {
    mkdirSync(home)
    mkdirSync(cwd)
    writeFileSync(file, Buffer.from(PNG, 'base64'))
    upstream = await startChatUpstream((request) => answer(request, file))
  })
  afterAll(async () => {
    await upstream.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const start = async (config: object, limits: object = {}): Promise<RunningRouter> => {
    await router?.stop()
    const models = ['m-text', 'm-image']
    const Providers = [{ name: 'mock', api_base_url: upstream.url, api_key: 'test', models, ...limits }]
    router = await startRouter({ Providers, ...config })
    return router
  }
  afterAll(() => router?.stop(), START_MS)

  const turn = (prompt: string, env: Readonly<Record<string, string>>, ...args: string[]): Promise<ClaudeCodeRun> => {
    const settings = { baseUrl: router!.url, prompt, args, home, cwd, env }
    return runClaudeCode(client, settings)
  }

  it('has an image turn that lands on the image model', async () => {
    const { routes } = await start({ Router: { default: 'mock,m-text', image: 'mock,m-image' } })
    const run = await turn(`What is on ${file}?`, {}, '--allowedTools', 'Read')
    expect(run.exitCode, run.stderr).toBe(0)
    expect(run.result).toMatchObject({ is_error: false, num_turns: 2, result: 'I see red.' })
    const committed = (await routes('commit', 2)).filter(({ event }) => event === 'commit')
    expect(committed.map(({ model }) => model)).toEqual(['m-text', 'm-image'])
    expect(JSON.stringify(upstream.requests.at(-1))).toContain('data:image/')
  })

  it('has an image turn with a model that cannot see, and knows nothing of how it was told', async () => {
    const Router = { default: 'mock,m-text', image: 'mock,m-image', forceUseImageAgent: true }
    const { routes } = await start({ Router })
    const before = upstream.requests.length
    const run = await turn(`What is on ${file}?`, {}, '--allowedTools', 'Read')
    expect(run.exitCode, run.stderr).toBe(0)
    expect(run.result).toMatchObject({ is_error: false, num_turns: 2, result: 'I was told: I see red.' })
    expect(JSON.stringify(run.lines)).not.toMatch(/analyzeImage|\[Image #/)
    const asked = upstream.requests.slice(before)
    expect(asked.map(({ model }) => model)).toEqual(['m-text', 'm-text', 'm-image', 'm-text'])
    const withImage = asked.filter((request) => JSON.stringify(request).includes('data:image/'))
    expect(withImage.map(({ model }) => model)).toEqual(['m-image'])
    expect((await routes('done', 4)).filter(({ status }) => status === 'error')).toEqual([])
  })

  it('reaches a model by an id of the list that it is given', async () => {
    const { url, routes } = await start({ Router: { default: 'mock,m-image' } })
    const list = await fetch(`${url}/v1/models?limit=1000`, { headers: { 'user-agent': `claude-code/${version}` } })
    const { data } = (await list.json()) as { data: { id: string }[] }
    const id = data.map((model) => model.id).find((one) => one.endsWith('m-text'))!
    expect(id).toBe('anthropic/mock,m-text')
    const run = await turn('Say hi.', { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1' }, '--model', id)
    expect(run.exitCode, run.stderr).toBe(0)
    const target = { provider: 'mock', model: 'm-text' }
    expect(await routes('commit', 1)).toContainEqual(expect.objectContaining({ event: 'commit', ...target }))
  })

  // Older versions know nothing of a router's models, and ignore the window that they are told.
  // Older ones ask for no list of models.
  if (version !== '2.1.330') return

  it('is told by `ccr code` which models there are and how large they are', async () => {
    const limits = { model_limits: { 'm-text': { context_window: 131_072, max_output_tokens: 4_096 } } }
    const { home: CCR_HOME } = await start({ Router: { default: 'mock,m-text' } }, limits)
    const env = { PATH: process.env['PATH'] ?? '', HOME: home, CCR_HOME, CLAUDE_PATH: client.command, ...QUIET }
    const args = [MAIN, 'code', '-p', '/context', '--model', 'anthropic/mock,m-text']
    const run = await runProcess(process.execPath, args, { cwd, env, timeoutMs: 60_000 })
    expect(run.exitCode, run.stderr).toBe(0)
    expect(run.stdout).toMatch(/Model:\*\* anthropic\/mock,m-text[^]*\/ 131\.1k/)
    const taken = readFileSync(join(home, '.claude', 'cache', 'gateway-models.json'), 'utf8')
    expect(taken).toContain('"id":"anthropic/mock,m-image","display_name":"m-image (mock)"')
  })
})

/** A text model that reads the file and asks about images it is shown placeholders of, and one that sees. */
function answer({ model, messages, tools = [] }: ChatRequest, file: string): ChatAnswer {
  if (model === 'm-image') return 'I see red.'
  const has = (name: string): boolean => tools.some((tool) => tool.function.name === name)
  const results = messages.filter(({ role }) => role === 'tool').map(({ content }) => JSON.stringify(content))
  const told = results.find((result) => result.includes('I see red.'))
  if (told !== undefined) return 'I was told: I see red.'
  if (results.length > 0 && has('analyzeImage'))
    return { tool: 'analyzeImage', input: { imageId: ['[Image #1]'], task: 'What is it?' } }
  const asks = JSON.stringify(messages).includes(file)
  return asks && results.length === 0 && has('Read') ? { tool: 'Read', input: { file_path: file } } : 'Hi.'
}
