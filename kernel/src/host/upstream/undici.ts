import { createRequire } from 'node:module'
import type * as undici from 'undici'

const require = createRequire(import.meta.url)

// Of undici what every router needs: its index also loads fetch, WebSocket and, by way of globals, the copy of undici
// that is part of Node, which took 60 ms and 9 MB of each start.
export const Client = require('undici/lib/dispatcher/client.js') as typeof undici.Client
export const buildConnector = require('undici/lib/core/connect.js') as typeof undici.buildConnector
export const errors = require('undici/lib/core/errors.js') as typeof undici.errors

/** What leads through a proxy asks for all of undici. */
export function createProxyAgent(options: undici.ProxyAgent.Options): undici.ProxyAgent {
  const { ProxyAgent } = require('undici') as typeof undici
  return new ProxyAgent(options)
}
