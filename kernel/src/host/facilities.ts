import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret, type Facilities, type HttpOptions, type PluginFiles } from '@ccr/sdk'
import { credentialHeaders } from '@ccr/sdk/kernel'
import type { Dispatcher } from 'undici'
import { codeOf } from '../load/code-of.ts'
import { writePrivateFile } from '../load/private-files.ts'
import { createProxyBypass, type ProxyBypass } from './upstream/no-proxy.ts'
import { proxyLogin } from './upstream/proxy-login.ts'
import type { TransportOptions } from './upstream/transport.ts'
import { createProxyAgent } from './upstream/undici.ts'

/** What the facilities of all plugins are made from. */
export interface FacilitiesOptions extends TransportOptions {
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Directories, network and variables that plugins are given; which of it each may use is for its context to say. */
export class HostFacilities {
  readonly #options: FacilitiesOptions
  #network: Network

  constructor(options: FacilitiesOptions) {
    this.#options = options
    this.#network = new Network(options)
  }

  /** Takes another proxy; requests that run keep their connections. */
  configure(options: TransportOptions): void {
    if (this.#network.isFor(options)) return
    this.#network.close()
    this.#network = new Network(options)
  }

  /** @param owner an entry among those of all profiles, `<profile>/<id>` */
  of(owner: string): Facilities {
    const { home, env } = this.#options
    return {
      files: createFiles(join(home, 'data', 'plugins', ...owner.split('/').map(folderName))),
      http: { fetch: (url, options) => this.#network.fetch(url, options) },
      secrets: {
        get: (name) => {
          const value = Object.hasOwn(env, name) ? env[name] : undefined
          return value === undefined || value === '' ? undefined : new Secret(value)
        },
      },
    }
  }

  close(): void {
    this.#network.close()
  }
}

/** A part of an owner is already free of separators; what is left are names that a file system takes for others. */
function folderName(part: string): string {
  return part.replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E')).replaceAll('*', '%2A')
}

/** What an unfinished write leaves behind. */
const TEMPORARY = /\.tmp$/

function createFiles(folder: string): PluginFiles {
  return {
    read: async (name) =>
      readFile(join(folder, name)).catch((thrown: unknown) => {
        if (codeOf(thrown) === 'ENOENT') return undefined
        throw thrown
      }),
    write: async (name, content) => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await writePrivateFile(join(folder, name), content)
    },
    list: async () => {
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
      return entries.flatMap((entry) => (entry.isFile() && !TEMPORARY.test(entry.name) ? [entry.name] : [])).sort()
    },
    remove: (name) => rm(join(folder, name), { force: true }),
  }
}

/** Connections of plugins' own requests, apart from those that carry exchanges. */
class Network {
  readonly #options: TransportOptions
  readonly #bypass: ProxyBypass
  /** Nothing until it is wanted: most routers have no plugin that sends requests of its own. */
  #client: ReturnType<typeof loadClient> | undefined

  constructor(options: TransportOptions) {
    const { proxyUrl, noProxy } = options
    this.#options = { proxyUrl, noProxy }
    this.#bypass = createProxyBypass(noProxy)
  }

  isFor({ proxyUrl, noProxy }: TransportOptions): boolean {
    return proxyUrl === this.#options.proxyUrl && noProxy === this.#options.noProxy
  }

  async fetch(address: string | URL, options: HttpOptions = {}): Promise<Response> {
    const url = new URL(address)
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
    const { fetch, direct, proxy } = await (this.#client ??= loadClient(this.#options))
    const { method = 'GET', headers = {}, auth, body, signal } = options
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...credentialHeaders(auth) },
      dispatcher: this.#bypass(url.hostname, port) ? direct : proxy,
      redirect: 'manual',
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    })
    // The same class by its specification; the types of undici and of Node's own copy of it differ in name alone.
    return response as unknown as Response
  }

  /** Requests that run are finished; their connections close behind them. */
  close(): void {
    const close = (one: Dispatcher): void => void one.close().catch(() => undefined)
    this.#client?.then(({ direct, proxy }) => [direct, proxy].forEach(close)).catch(() => undefined)
  }
}

async function loadClient({ proxyUrl }: TransportOptions) {
  const { Agent, fetch } = await import('undici')
  const direct: Dispatcher = new Agent()
  if (proxyUrl === undefined) return { fetch, direct, proxy: direct }
  return { fetch, direct, proxy: createProxyAgent({ uri: proxyUrl, ...proxyLogin(proxyUrl) }) }
}
