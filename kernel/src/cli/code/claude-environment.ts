import type { LaunchHints } from './launch-hints.ts'

/** What the config says about the client that `ccr code` starts. */
export interface ClientSettings {
  readonly apiKey?: string | undefined
  readonly claudePath?: string | undefined
  readonly apiTimeoutMs?: number | undefined
  readonly nonInteractive: boolean
  readonly hints?: LaunchHints | undefined
}

/** Would send Claude Code past the router, or make it use another credential than the router's. */
const REMOVED = [
  'ANTHROPIC_API_KEY',
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_VERTEX',
  'CLAUDE_CODE_USE_FOUNDRY',
  'CCR_SUPERVISOR',
]

/** Claude Code without a terminal, such as in a build job. */
const NON_INTERACTIVE = { CI: 'true', FORCE_COLOR: '0', NODE_NO_READLINE: '1', TERM: 'dumb' }

/** What Claude Code takes as a window of auto-compaction; it reads anything else as another number. */
const COMPACT_WINDOW = { least: 100_000, most: 1_000_000 }

/** The environment in which Claude Code talks to the router at `url`; everything else of `env` stays. */
export function claudeEnvironment(env: NodeJS.ProcessEnv, url: string, settings: ClientSettings): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !REMOVED.includes(name)))
  return {
    ...told(settings.hints ?? {}),
    ...kept,
    ...withoutProxy(env, new URL(url).hostname.replace(/^\[|\]$/g, '')),
    ANTHROPIC_BASE_URL: url,
    // Without a key the router lets every local client in, but Claude Code wants to have one.
    ANTHROPIC_AUTH_TOKEN: settings.apiKey || 'test',
    DISABLE_TELEMETRY: 'true',
    DISABLE_COST_WARNINGS: 'true',
    API_TIMEOUT_MS: String(settings.apiTimeoutMs || env['API_TIMEOUT_MS'] || 600_000),
    ...(settings.nonInteractive ? NON_INTERACTIVE : {}),
  }
}

/** What Claude Code cannot know by itself of a router and of models that are not its own; the user's values win. */
function told({ contextTokens, outputTokens }: LaunchHints): NodeJS.ProcessEnv {
  const { least, most } = COMPACT_WINDOW
  const compacts = contextTokens !== undefined && contextTokens >= least && contextTokens <= most
  return {
    // Lists the router's models in /model.
    CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1',
    // Says of each request what it is for.
    CLAUDE_CODE_GATEWAY_HINT_HEADERS: '1',
    ...(contextTokens !== undefined && { CLAUDE_CODE_MAX_CONTEXT_TOKENS: String(contextTokens) }),
    ...(compacts && { CLAUDE_CODE_AUTO_COMPACT_WINDOW: String(contextTokens) }),
    ...(outputTokens !== undefined && { CLAUDE_CODE_MAX_OUTPUT_TOKENS: String(outputTokens) }),
  }
}

/** Adds the router's host to the lists of hosts without a proxy; libraries differ in which spelling they read. */
function withoutProxy(env: NodeJS.ProcessEnv, host: string): NodeJS.ProcessEnv {
  const lists: NodeJS.ProcessEnv = { NO_PROXY: env['NO_PROXY'] ?? env['no_proxy'] }
  if (env['no_proxy'] !== undefined) lists['no_proxy'] = env['no_proxy']
  return Object.fromEntries(
    Object.entries(lists).map(([name, list]) => {
      const hosts = (list ?? '')
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== '')
      return [name, [...new Set([...hosts, '127.0.0.1', host])].join(',')]
    }),
  )
}
