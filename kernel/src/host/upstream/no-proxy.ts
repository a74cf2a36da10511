/** Whether requests to a host go around the proxy. `hostname` as in a URL, lower case, IPv6 in brackets. */
export type ProxyBypass = (hostname: string, port: number) => boolean

/**
 * Reads a `NO_PROXY` list: names (which cover their subdomains, with or without a leading dot or `*.`), addresses, each
 * with an optional port, or `*`. Loopback hosts always go around the proxy.
 */
export function createProxyBypass(list: string | undefined): ProxyBypass {
  const rules = (list ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((rule) => rule !== '')
    .map(toRule)
  return (hostname, port) => isLoopback(hostname) || rules.some((rule) => rule(hostname, port))
}

/** Whether a host name, as in a URL, is this machine. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  )
}

function toRule(text: string): ProxyBypass {
  if (text === '*') return () => true
  const [, name, portText] = /^(\[[^\]]*\]|[^:]*|[0-9a-f:]+)(?::(\d+))?$/.exec(text) ?? [undefined, text]
  const port = portText === undefined ? undefined : Number(portText)
  const plain = bracketed((name ?? text).replace(/^\*?\./, ''))
  return (hostname, actual) =>
    (port === undefined || port === actual) && (hostname === plain || hostname.endsWith(`.${plain}`))
}

function bracketed(name: string): string {
  return name.includes(':') && !name.startsWith('[') ? `[${name}]` : name
}
