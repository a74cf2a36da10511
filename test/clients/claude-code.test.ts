import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runClaudeCode, type ClaudeCodeRun } from './claude-code.ts'
import { CLAUDE_CODE_VERSIONS, installHint, locateClaudeCode } from './locate.ts'
import { REPLAY_MODELS, startReplay, type ReplayServer } from './replay.ts'
import { startRouter, type RunningRouter } from './router.ts'

/** A turn may take the client's own limit, a start the router's. */
const LIMITS = { timeout: 70_000 }
const START_MS = 40_000

describe.each(CLAUDE_CODE_VERSIONS)('Claude Code %s', LIMITS, (version) => {
  const client = locateClaudeCode(version)
  if (!client) {
    // The summary of a run does not show why a test was skipped.
    console.warn(installHint(version))
    it('is run', ({ skip }) => skip(installHint(version)))
    return
  }

  const folder = mkdtempSync(join(tmpdir(), 'ccr-claude-code-'))
  const [home, cwd] = [join(folder, 'home'), join(folder, 'work')]
  const file = join(cwd, 'note.txt')
  const content = `note ${randomUUID()}`
  let router: RunningRouter
  let replay: ReplayServer | undefined

  const turn = (prompt: string, ...args: string[]): Promise<ClaudeCodeRun> =>
    runClaudeCode(client, { baseUrl: router.url, prompt, args, home, cwd })

  beforeAll(() => {
    mkdirSync(home)
    mkdirSync(cwd)
    writeFileSync(file, `${content}\n`)
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  describe('on the embedded default', () => {
    beforeAll(async () => {
      router = await startRouter()
    }, START_MS)

    afterAll(() => router?.stop(), START_MS)

    it('has a text turn, whose route, attempt and commit stand in the routing log', async () => {
      const run = await turn('say hi')
      expectSuccess(run, 1)
      expect(run.result?.result).toMatch(/^You said "say hi";/)
      const lines = (await router.routes('commit', 1)).slice(0, 3)
      const demo = { provider: 'demo', model: 'demo' }
      const route = { event: 'route', decidedBy: 'provider-demo', scenario: 'default', targets: [demo] }
      expect(lines).toMatchObject([route, { event: 'attempt', ...demo }, { event: 'commit', ...demo }])
    })

    it('reads a file with its tool', async () => {
      const run = await turn(`Read the file ${file}`, '--allowedTools', 'Read')
      expectSuccess(run, 2)
      expectRead(run, file)
      expect(run.result?.result).toContain(content)
    })

    it('has a thinking turn', async () => {
      const run = await turn('Think step by step: why is the sky blue?')
      expectSuccess(run, 1)
      expectThinking(run, /^I am a demo/)
      expect(run.result?.result).toMatch(/^You said "Think step by step/)
    })
  })

  describe('over a chat completions upstream that replays recordings', () => {
    beforeAll(async () => {
      replay = await startReplay({ tool: 'Read', property: 'file_path', value: file })
      router = await startRouter({
        Providers: [{ name: 'replay', api_base_url: replay.url, api_key: 'test', models: REPLAY_MODELS }],
        Router: { default: 'replay,tiny-chat' },
      })
    }, START_MS)

    afterAll(async () => {
      await router?.stop()
      await replay?.close()
    }, START_MS)

    it('has a text turn', async () => {
      const run = await turn('say hi')
      expectSuccess(run, 1)
      expect(run.result?.result).toBe('Hello, I am a tiny local model served by llama-server.')
      const lines = await router.routes('commit', 1)
      expect(lines).toContainEqual(expect.objectContaining({ event: 'commit', provider: 'replay', model: 'tiny-chat' }))
    })

    it('reads a file with its tool, and the upstream is told what stands in it', async () => {
      const run = await turn('What is in my note?', '--model', 'replay,tiny-tool-chat', '--allowedTools', 'Read')
      expectSuccess(run, 2)
      expectRead(run, file)
      const told = replay?.requests.at(-1)?.messages.filter((message) => message.role === 'tool')
      expect(JSON.stringify(told)).toContain(content)
      expect(run.result?.result).toBe('Hello, I am a tiny local model served by llama-server.')
    })

    it('has a thinking turn', async () => {
      const run = await turn('Think about it.', '--model', 'replay,tiny-think-chat')
      expectSuccess(run, 1)
      expectThinking(run, /^Let me think/)
    })
  })
})

function expectSuccess(run: ClaudeCodeRun, turns: number): void {
  expect(run.exitCode, run.stderr).toBe(0)
  expect(run.result).toMatchObject({ is_error: false, num_turns: turns })
}

function expectRead(run: ClaudeCodeRun, file: string): void {
  const block = { type: 'tool_use', name: 'Read', input: { file_path: file } }
  expect(run.blocks).toContainEqual(expect.objectContaining(block))
}

function expectThinking(run: ClaudeCodeRun, thought: RegExp): void {
  const block = { type: 'thinking', thinking: expect.stringMatching(thought) as string }
  expect(run.blocks).toContainEqual(expect.objectContaining(block))
}
