import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { message, sendJson, sendStream, startUpstream, type Received, type Upstream } from '../rules/upstream.ts'
import { runClaudeCode, type ClaudeCodeRun } from './claude-code.ts'
import { CLAUDE_CODE_VERSIONS, installHint, locateClaudeCode } from './locate.ts'
import { startRouter, type RunningRouter } from './router.ts'

const LIMITS = { timeout: 70_000 }
const START_MS = 40_000
const TAG = '<CCR-SUBAGENT-MODEL>mock,sub-model</CCR-SUBAGENT-MODEL>'
/** The tokens that the model `short-model` gives. */
const SHORT = 8192
const PROMPT = 'Say hi from the subagent'

interface AskedBody {
  readonly model: string
  readonly stream?: boolean
  readonly max_tokens: number
  readonly tools?: readonly { readonly name: string }[]
  readonly messages: readonly unknown[]
}

describe.each(CLAUDE_CODE_VERSIONS)('Claude Code %s', LIMITS, (version) => {
  const client = locateClaudeCode(version)
  if (!client) {
    it('is routed', ({ skip }) => skip(installHint(version)))
    return
  }

  const folder = mkdtempSync(join(tmpdir(), 'ccr-claude-routing-'))
  const [home, cwd] = [join(folder, 'home'), join(folder, 'work')]
  let upstream: Upstream
  let router: RunningRouter

  const turn = async (prompt: string, ...args: string[]) => {
    const before = upstream.requests.length
    const run = await runClaudeCode(client, { baseUrl: router.url, prompt, args, home, cwd })
    expectSuccess(run)
    return upstream.requests.slice(before)
  }

  beforeAll(async () => {
    mkdirSync(home)
    mkdirSync(cwd)
    upstream = await startUpstream((received, response) => {
      const body = received.json as unknown as AskedBody
      if (body.model === 'short-model' && body.max_tokens > SHORT)
        return sendJson(tooLong(body), 400)(received, response)
      if (body.stream !== true) return sendJson(message('done'))(received, response)
      sendStream(streamOf(delegates(body)))(received, response)
    })
    const models = ['main-model', 'think-model', 'other-model', 'sub-model', 'short-model']
    router = await startRouter({
      Providers: [{ name: 'mock', api_base_url: upstream.url, api_key: 'test', models, dialect: 'anthropic' }],
      Router: { default: 'mock,main-model', think: 'mock,think-model' },
    })
  }, START_MS)

  afterAll(async () => {
    await router?.stop()
    await upstream?.close()
    rmSync(folder, { recursive: true, force: true })
  }, START_MS)

  it('a turn of a subagent lands on the model that its prompt names, without the directive', async () => {
    const requests = await turn('DELEGATE this', '--allowedTools', 'Agent,Task')
    const ofSubagent = requests.filter(({ json }) => json['model'] === 'sub-model')
    expect(ofSubagent.length).toBeGreaterThan(0)
    for (const { text } of ofSubagent) {
      expect(text).toContain(PROMPT)
      expect(text).not.toContain(TAG)
    }
    expect(modelsOf(requests)).toContain('think-model')
  })

  it('plan mode lands on think', async () => {
    const requests = await turn('Plan it', '--permission-mode', 'plan')
    expect(modelsOf(requests)).toContain('think-model')
    const lines = await router.routes('route', 1)
    expect(lines).toContainEqual(expect.objectContaining({ decidedBy: 'route-scenarios', rule: 'Router.think' }))
  })

  it('a model that is named as provider,model lands there', async () => {
    const requests = await turn('say hi', '--model', 'MOCK,other-model')
    expect(modelsOf(requests)).toContain('other-model')
    expect(modelsOf(requests)).not.toContain('think-model')
  })

  it('a model that gives shorter answers than the client asks for answers all the same', async () => {
    const limits = (await turn('say hi', '--model', 'mock,short-model')).map(({ json }) => json['max_tokens'])
    expect(limits[0]).toBeGreaterThan(SHORT)
    expect(limits.slice(1)).toEqual([SHORT])
  })
})

function modelsOf(requests: readonly Received[]): readonly unknown[] {
  return [...new Set(requests.map(({ json }) => json['model']))]
}

function tooLong({ max_tokens: asked }: AskedBody): object {
  const words = `max_tokens: ${asked} > ${SHORT}, which is the maximum allowed number of output tokens for short-model`
  return { type: 'error', error: { type: 'invalid_request_error', message: words } }
}

/** The tool by which the conversation is to hand its task on; nothing in any other request. */
function delegates({ tools = [], messages }: AskedBody): string | undefined {
  const text = JSON.stringify(messages)
  if (!text.includes('DELEGATE') || text.includes('tool_result') || text.includes(PROMPT)) return undefined
  return tools.find(({ name }) => name === 'Agent' || name === 'Task')?.name
}

/** The stream of a message that says `done`, or calls the tool. */
function streamOf(tool: string | undefined): string {
  const input = { description: 'Say hi', prompt: `${TAG}${PROMPT}`, subagent_type: 'general-purpose' }
  const block = tool ? { type: 'tool_use', id: 'toolu_1', name: tool, input: {} } : { type: 'text', text: '' }
  const delta = tool
    ? { type: 'input_json_delta', partial_json: JSON.stringify(input) }
    : { type: 'text_delta', text: 'done' }
  const stop = { stop_reason: tool ? 'tool_use' : 'end_turn', stop_sequence: null }
  return [
    { type: 'message_start', message: { ...message(''), content: [], stop_reason: null } },
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: stop, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ]
    .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    .join('')
}

function expectSuccess(run: ClaudeCodeRun): void {
  expect(run.exitCode, run.stderr).toBe(0)
  expect(run.result).toMatchObject({ is_error: false })
}
