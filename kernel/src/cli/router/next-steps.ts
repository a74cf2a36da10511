/**
 * What a person may try once the router is ready. Scripts get nothing but the line with the URL; `npm start`
 * counts as a person even without a terminal.
 */
export function nextSteps(
  env: NodeJS.ProcessEnv,
  url: string,
  isTerminal = process.stdout.isTTY === true,
): readonly string[] {
  const script = env['npm_lifecycle_event'] ?? ''
  if (script !== 'start' && !isTerminal) return []
  // Whoever came through npm may have no `ccr` of their own.
  const ccr = ['start', 'npx'].includes(script) ? 'npx ccr' : 'ccr'
  const body = '{"model":"any","max_tokens":256,"messages":[{"role":"user","content":"hello"}]}'
  return [
    '',
    'Try next, in another terminal:',
    `  ${ccr} code                    Claude Code through this router`,
    `  curl ${url}/v1/messages -H 'content-type: application/json' -d '${body}'`,
    `  ${ccr} status                  what is running; \`${ccr} stop\` ends it`,
  ]
}
