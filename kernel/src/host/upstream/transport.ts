import { CcrError } from '@ccr/sdk'
import type { Transport, TransportRequest, TransportResponse } from '../../exchange/ports.ts'
import { Lookups } from './lookup.ts'
import { createProxyBypass, type ProxyBypass } from './no-proxy.ts'
import { UpstreamCall } from './upstream-call.ts'
import { Upstream } from './upstream.ts'

/** How upstreams are reached. */
export interface TransportOptions {
  /** `http://…` or `https://…`, with credentials if it needs them. */
  readonly proxyUrl?: string | undefined
  /** Hosts that are reached without the proxy; loopback always is. */
  readonly noProxy?: string | undefined
}

interface Address {
  readonly upstream: Upstream
  readonly path: string
}

const ADDRESSES = 512

/**
 * The network of the router: HTTP/1.1 over kept connections, one set of them per origin and proxy. Redirects are never
 * followed, and nothing is retried but a request whose kept connection had died unnoticed.
 */
export class HostTransport implements Transport {
  #proxyUrl: string | undefined
  #noProxy: string | undefined
  #bypass: ProxyBypass
  readonly #upstreams = new Map<string, Upstream>()
  readonly #addresses = new Map<string, Address>()
  readonly #lookups: Lookups
  #closed = false

  constructor(options: TransportOptions = {}, lookups = new Lookups()) {
    this.#proxyUrl = options.proxyUrl
    this.#noProxy = options.noProxy
    this.#bypass = createProxyBypass(options.noProxy)
    this.#lookups = lookups
  }

  /** Takes other options; requests that run keep their connections. */
  configure(options: TransportOptions): void {
    if (options.proxyUrl === this.#proxyUrl && options.noProxy === this.#noProxy) return
    this.#proxyUrl = options.proxyUrl
    this.#noProxy = options.noProxy
    this.#bypass = createProxyBypass(options.noProxy)
    for (const upstream of this.#upstreams.values()) upstream.retire()
    this.#upstreams.clear()
    this.#addresses.clear()
  }

  send(request: TransportRequest): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      request.signal.throwIfAborted()
      const { upstream, path } = this.#addresses.get(request.url) ?? this.#resolve(request.url)
      new UpstreamCall(upstream, path, request, { resolve, reject }).start()
    })
  }

  /** Closes every connection at once. */
  close(): void {
    this.#closed = true
    for (const upstream of this.#upstreams.values()) upstream.destroy()
    this.#upstreams.clear()
    this.#addresses.clear()
  }

  #resolve(text: string): Address {
    if (this.#closed) throw new CcrError('CCR_EXCHANGE_SHUTDOWN', 'the router is stopping; it sends no more requests')
    const url = parse(text)
    let upstream = this.#upstreams.get(url.origin)
    if (!upstream) {
      const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
      const proxyUrl = this.#bypass(url.hostname, port) ? undefined : this.#proxyUrl
      upstream = new Upstream(url.origin, proxyUrl, this.#lookups)
      this.#upstreams.set(url.origin, upstream)
    }
    const address = { upstream, path: url.pathname + url.search }
    // Addresses hold model names, which clients choose; the cache starts anew before it grows without end.
    if (this.#addresses.size >= ADDRESSES) this.#addresses.clear()
    this.#addresses.set(text, address)
    return address
  }
}

function parse(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new CcrError('CCR_UPSTREAM_NETWORK', 'its address is not an http or https URL')
  }
  return url
}
