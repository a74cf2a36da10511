import { createRequire } from 'node:module'
import type * as undici from 'undici'
import { codeOf } from '../../load/code-of.ts'

const require = createRequire(import.meta.url)

// Of undici what every router needs: its index also loads fetch, WebSocket and, by way of globals, the copy of undici
// that is part of Node, which took 60 ms and 9 MB of each start.
export const Client = require('undici/lib/dispatcher/client.js') as typeof undici.Client
export const buildConnector = require('undici/lib/core/connect.js') as typeof undici.buildConnector
export const errors = require('undici/lib/core/errors.js') as typeof undici.errors

/** What leads through a proxy asks for all of undici. */
export function createProxyAgent(options: undici.ProxyAgent.Options): undici.ProxyAgent {
  const { Pool, ProxyAgent } = require('undici') as typeof undici
  return new ProxyAgent({
    ...options,
    factory: (origin, given) => {
      const once = { ...given, connect: onlyOnce((given as { connect: undici.buildConnector.connector }).connect) }
      return options.connections === 1 ? new Client(origin, once) : new Pool(origin, once)
    },
  })
}

/** A proxy that hangs up would be asked again at once, and without end: undici takes this code for a broken request. */
function onlyOnce(connect: undici.buildConnector.connector): undici.buildConnector.connector {
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error === null) return callback(error, socket)
      const isClosed = codeOf(error) === 'UND_ERR_SOCKET'
      callback(isClosed ? Object.assign(new Error(error.message), { code: 'ECONNRESET', cause: error }) : error, null)
    })
}
