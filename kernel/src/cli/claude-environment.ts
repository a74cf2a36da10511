/** What the config says about the client that `ccr code` starts. */
export interface ClientSettings {
  readonly apiKey?: string | undefined
  readonly claudePath?: string | undefined
  readonly apiTimeoutMs?: number | undefined
  readonly nonInteractive: boolean
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

/** The environment in which Claude Code talks to the router at `url`; everything else of `env` stays. */
export function claudeEnvironment(env: NodeJS.ProcessEnv, url: string, settings: ClientSettings): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !REMOVED.includes(name)))
  return {
    ...kept,
    ...withoutProxy(env, new URL(url).hostname.replace(/^\[|\]$/g, '')),
    ANTHROPIC_BASE_URL: url,
    // Without a key the router lets every local client in, but Claude Code wants to have one.
    ANTHROPIC_AUTH_TOKEN: settings.apiKey || 'test',
    DISABLE_TELEMETRY: 'true',
    DISABLE_COST_WARNINGS: 'true',
    API_TIMEOUT_MS: String(settings.apiTimeoutMs ?? (env['API_TIMEOUT_MS'] || 600_000)),
    ...(settings.nonInteractive ? NON_INTERACTIVE : {}),
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
