/** Under which names, and from which pages, a router may be called. */
export interface HostNames {
  /** Values of `Host`, in lower case. */
  readonly hosts: ReadonlySet<string>
  /** Values of `Origin`. */
  readonly origins: ReadonlySet<string>
  /** The router listens on every address, so a client may name the one it reached. */
  readonly wildcard: boolean
}

/** Where a router listens. */
export interface BoundAddress {
  readonly host: string
  readonly port: number
  /** Further names, with or without a port. */
  readonly allowedHosts: readonly string[]
}

/** The names of a router: loopback's, its own address and the allowed ones, each with the port. */
export function createHostNames({ host, port, allowedHosts }: BoundAddress): HostNames {
  const hosts = new Set<string>()
  const origins = new Set<string>()
  const wildcard = isWildcard(host)
  const add = (name: string, schemes: readonly string[]): void => {
    hosts.add(name)
    for (const scheme of schemes) origins.add(`${scheme}://${name}`)
  }
  for (const name of ['127.0.0.1', 'localhost', '[::1]', ...(wildcard ? [] : [bracketed(host.toLowerCase())])]) {
    add(`${name}:${port}`, ['http'])
    if (port === 80) add(name, ['http'])
  }
  for (const text of allowedHosts) {
    const name = bracketed(
      text
        .trim()
        .toLowerCase()
        .replace(/^https?:\/\//, '')
        .replace(/\/.*$/, ''),
    )
    if (name === '') continue
    // A name without a port is also called through a proxy on a standard port.
    add(name, ['http', 'https'])
    if (!/:\d+$/.test(name) || name.endsWith(']')) add(`${name}:${port}`, ['http', 'https'])
  }
  return { hosts, origins, wildcard }
}

/** Whether an address means every interface. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '[::]' || host === ''
}

/** An address as it stands in a URL. */
export function bracketed(host: string): string {
  return /^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(host) ? `[${host}]` : host
}

/** The address at which a router that listens there is reached from its own machine. */
export function urlOf(host: string, port: number): string {
  return `http://${isWildcard(host) ? '127.0.0.1' : bracketed(host)}:${port}`
}
