import type { HeaderBag } from '@ccr/sdk'

/** Version of the protocol that a client names when it names none. */
const DEFAULT_VERSION = '2023-06-01'

/** The headers of a client that travel to its provider, and why; a name ending in `-` stands for all that begin so. */
const TRAVELLING: readonly { readonly name: string; readonly reason: string }[] = [
  { name: 'anthropic-version', reason: 'the meaning of the body depends on it' },
  { name: 'anthropic-beta', reason: 'the body holds fields that only these features allow' },
  { name: 'anthropic-dangerous-direct-browser-access', reason: 'some gateways refuse Claude Code without it' },
  { name: 'user-agent', reason: 'providers serve subscriptions of coding tools only to the tools they know' },
  { name: 'x-app', reason: 'as user-agent' },
  { name: 'x-stainless-', reason: 'as user-agent; also tells how often the client has tried' },
  { name: 'x-claude-', reason: 'gateways count and route by session, agent and class of request' },
]

/** One header of a request; several of the same name are joined. */
export function headerOf(headers: HeaderBag, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'object' ? value.join(', ') : value
}

/** Those headers of a client of this dialect that travel, and what the protocol needs. */
export function upstreamHeaders(client: HeaderBag | undefined): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of Object.keys(client ?? {})) {
    const value = travels(name) ? headerOf(client!, name) : undefined
    if (value !== undefined) headers[name] = value
  }
  headers['anthropic-version'] ??= DEFAULT_VERSION
  return headers
}

function travels(header: string): boolean {
  return TRAVELLING.some(({ name }) => (name.endsWith('-') ? header.startsWith(name) : header === name))
}
