import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Server as TcpServer } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach } from 'vitest'
import { type BodySource, Cancellation, readWhole } from '@ccr/sdk/kernel'
import type { TransportRequest } from '../../exchange/ports.ts'
import { HostTransport, type TransportOptions } from './transport.ts'

/** Transports and upstreams of one test file, which end with the test; never part of the product. */
export function startUpstreams() {
  const disposers: (() => void)[] = []
  afterEach(() => {
    for (const dispose of disposers.splice(0).reverse()) dispose()
  })
  const transport = (options: TransportOptions = {}): HostTransport => {
    const one = new HostTransport(options)
    disposers.push(() => one.close())
    return one
  }
  const listen = async (server: Server | TcpServer): Promise<string> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    disposers.push(() => {
      server.close()
      if ('closeAllConnections' in server) server.closeAllConnections()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const http = (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> =>
    listen(createServer(answer))
  return { disposers, transport, listen, http }
}

/** A request without headers and with an empty object, but for what is given. */
export function requestTo(url: string, part: Partial<TransportRequest> = {}): TransportRequest {
  return { url, headers: {}, body: '{}', stream: false, connectTimeoutMs: 5_000, signal: new Cancellation(), ...part }
}

/** All of a body. */
export async function text(body: BodySource): Promise<string> {
  return (await readWhole(body, Infinity)).toString()
}

/** The reads of a body, one by one; leaving the loop leaves the body. */
export function readsOf(body: BodySource): AsyncIterable<Uint8Array> {
  let more: (() => void) | undefined
  const reads = new Readable({
    objectMode: true,
    highWaterMark: 1,
    read: () => more?.(),
    destroy: (error, done) => {
      body.leave()
      done(error)
    },
  })
  body.readTo({
    piece: (bytes) => (reads.push(bytes) ? undefined : new Promise((resolve) => (more = resolve))),
    end: () => reads.push(null),
    fail: (reason) => reads.destroy(reason as Error),
  })
  return reads
}
