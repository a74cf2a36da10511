import type { LocatedClient } from './locate.ts'
import { runProcess } from './run-process.ts'

/** One block of a message that Claude Code printed. */
export interface PrintedBlock {
  readonly type: string
  readonly text?: string
  readonly thinking?: string
  readonly name?: string
  readonly input?: Readonly<Record<string, unknown>>
  readonly content?: unknown
}

/** One line of the client's `stream-json` output. */
export interface PrintedLine {
  readonly type: string
  readonly message?: { readonly model?: string; readonly content: string | readonly PrintedBlock[] }
  readonly is_error?: boolean
  readonly result?: string
  readonly num_turns?: number
}

export interface ClaudeCodeRun {
  readonly exitCode: number | null
  readonly stderr: string
  readonly lines: readonly PrintedLine[]
  /** The blocks of all assistant messages, in order. */
  readonly blocks: readonly PrintedBlock[]
  /** The last line, which sums the run up. */
  readonly result: PrintedLine | undefined
}

export interface ClaudeCodeOptions {
  readonly baseUrl: string
  readonly prompt: string
  /** Further arguments, such as `--model`. */
  readonly args?: readonly string[]
  /** A directory of its own: the client's settings live there. */
  readonly home: string
  readonly cwd: string
  /** Further variables of its environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** Longest run of a client. */
const TIMEOUT_MS = 60_000

/** Runs one headless turn against a router, with a clean environment in which the client contacts nobody else. */
export async function runClaudeCode(client: LocatedClient, options: ClaudeCodeOptions): Promise<ClaudeCodeRun> {
  const { baseUrl, prompt, args = [], home, cwd } = options
  const format = ['--output-format', 'stream-json', '--verbose']
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    TERM: 'dumb',
    LANG: 'C.UTF-8',
    ANTHROPIC_BASE_URL: baseUrl,
    ANTHROPIC_AUTH_TOKEN: 'test',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_TELEMETRY: '1',
    DISABLE_AUTOUPDATER: '1',
    DISABLE_ERROR_REPORTING: '1',
    ...options.env,
  }
  const all = [...client.prefix, '-p', prompt, ...format, ...args]
  const { exitCode, stdout, stderr } = await runProcess(client.command, all, { cwd, env, timeoutMs: TIMEOUT_MS })
  const lines = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as PrintedLine)
  const blocks = lines.flatMap((line) => {
    const content = line.type === 'assistant' ? line.message?.content : undefined
    return typeof content === 'object' ? content : []
  })
  return { exitCode, stderr, lines, blocks, result: lines.findLast((line) => line.type === 'result') }
}
