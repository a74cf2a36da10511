import { CcrError } from '../errors.ts'
import type { Facilities } from '../facilities.ts'

const HOST = /^(?:\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/
// No separator, no leading dot and no device name, so that a name is a file of the directory on every platform.
const FILE = /^(?!(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(?<!\.)(?<!\.tmp)$/i

/** Whether a text is a capability in the form that {@link Capability} describes. */
export function isCapability(text: unknown): boolean {
  if (typeof text !== 'string') return false
  if (text === 'files' || text === 'credentials') return true
  const [, kind, value = ''] = /^(network|secrets):(.+)$/s.exec(text) ?? []
  return kind === 'network' ? HOST.test(value) : kind === 'secrets' && VARIABLE.test(value)
}

/** The variables of the environment that a list of capabilities names. */
export function secretNames(capabilities: readonly string[]): readonly string[] {
  return capabilities.flatMap((one) => (one.startsWith('secrets:') ? [one.slice('secrets:'.length)] : []))
}

/** Whether a host, as a URL names it, is among those that a list of capabilities names. */
export function allowsHost(capabilities: readonly string[], { hostname, port, protocol }: URL): boolean {
  const actual = port === '' ? (protocol === 'https:' ? '443' : '80') : port
  return capabilities.some((one) => {
    const [, pattern = '', wanted] = /^network:(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(one) ?? []
    if (pattern === '' || (wanted !== undefined && wanted !== actual)) return false
    if (pattern === '*') return true
    return pattern.startsWith('*.') ? hostname.endsWith(pattern.slice(1)) : hostname === pattern
  })
}

/**
 * The facilities of one plugin, held to what it declared and to its lifetime. It bounds what goes through the context
 * and is no sandbox: the code runs in the router's process, with the user's rights.
 *
 * @param granted what may be used
 * @param signal aborted when the plugin is disposed and its inverses have run
 */
export function heldTo(granted: readonly string[], plugin: string, signal: AbortSignal, all: Facilities): Facilities {
  const assertLive = (): void => {
    if (!signal.aborted) return
    const fact = `plugin '${plugin}' used its context after it was disposed`
    throw new CcrError('CCR_PLUGIN_STALE', `${fact}; do not keep ctx beyond disposal`, { plugin })
  }
  const assert = (granting: boolean, what: string, capability: string): void => {
    assertLive()
    if (granting) return
    const fact = `plugin '${plugin}' uses ${what}, which it did not declare or was not granted`
    throw new CcrError('CCR_PLUGIN_CAPABILITY', `${fact}; add '${capability}' to its capabilities`, { plugin })
  }
  const file = (name: string): string => {
    assert(granted.includes('files'), 'its private directory', 'files')
    if (FILE.test(name)) return name
    const fact = `plugin '${plugin}' names a file ${JSON.stringify(name)}`
    const remedy = 'use at most 128 letters, digits, _, - and ., without a folder, a leading or final dot, or .tmp'
    throw new CcrError('CCR_PLUGIN_CAPABILITY', `${fact}; ${remedy}`, { plugin })
  }
  // Each is async, so that what is refused is a rejection like any other failure of it.
  return {
    files: {
      read: async (name) => all.files.read(file(name)),
      write: async (name, content) => all.files.write(file(name), content),
      list: async () => {
        assert(granted.includes('files'), 'its private directory', 'files')
        return all.files.list()
      },
      remove: async (name) => all.files.remove(file(name)),
    },
    http: {
      fetch: async (address, options = {}) => {
        const url = parse(address, plugin)
        assert(allowsHost(granted, url), `the host ${url.host}`, `network:${url.host}`)
        const signals = [signal, AbortSignal.timeout(options.timeoutMs ?? HTTP_MS), options.signal ?? []].flat()
        return all.http.fetch(url, { ...options, signal: AbortSignal.any(signals) })
      },
    },
    secrets: {
      get: (name) => {
        assert(secretNames(granted).includes(name), `the variable ${name}`, `secrets:${name}`)
        return all.secrets.get(name)
      },
    },
  }
}

const HTTP_MS = 30_000

function parse(address: string | URL, plugin: string): URL {
  const text = String(address)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.protocol === 'https:' || url.protocol === 'http:')) return url
  const fact = `plugin '${plugin}' asks for something that is not an http or https URL`
  throw new CcrError('CCR_PLUGIN_CAPABILITY', `${fact}; correct the address`, { plugin })
}
