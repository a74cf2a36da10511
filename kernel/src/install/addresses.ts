import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** One address that a name stands for. */
export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
}

/**
 * Whether an IP address belongs to the public internet: not to this machine, its network, a cloud's metadata service,
 * or a way around such a check, as addresses that carry another one. Source: the IANA special-purpose registries.
 */
export function isPublicAddress(address: string): boolean {
  // A zone (`%eth0`) only exists on links of this machine.
  if (!ipaddr.isValid(address) || address.includes('%')) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast') return false
  // Everything that is routed begins with 001; `::127.0.0.1` and its like do not.
  return !(parsed instanceof ipaddr.IPv6) || parsed.toByteArray()[0]! >> 5 === 1
}

/** What `localhost` and every name below it stand for, whatever a resolver says. Source: RFC 6761, section 6.3. */
const LOOPBACK: readonly ResolvedAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/** The addresses of a host as a URL names it: a name, an IPv4 address, or an IPv6 address in brackets. */
export async function resolveHost(hostname: string): Promise<readonly ResolvedAddress[]> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const family = isIP(host)
  if (family === 4 || family === 6) return [{ address: host, family }]
  if (/(?:^|\.)localhost\.?$/i.test(host)) return LOOPBACK
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map((one) => ({ address: one.address, family: one.family === 6 ? 6 : 4 }))
}
