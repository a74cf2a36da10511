import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { integrityOf } from './plugin-packages.ts'

/** A version that a registry holds. */
export interface PublishedVersion {
  readonly description: { readonly name: string; readonly version: string }
  readonly bytes: Buffer
  /** ISO 8601. */
  readonly published: string
  /** Served in place of the bytes that were published. */
  readonly tampered?: Buffer | undefined
}

/** A registry of npm packages on loopback. */
export interface Registry {
  readonly url: string
  /** Environment that makes npm use it. */
  readonly env: Readonly<Record<string, string>>
  /** Paths that were asked for. */
  readonly asked: string[]
  publish(version: PublishedVersion): void
  close(): Promise<void>
}

/** Long enough ago for any rule about age. */
export const LONG_AGO = '2020-01-01T00:00:00.000Z'

export async function startRegistry(): Promise<Registry> {
  const packages = new Map<string, Map<string, PublishedVersion>>()
  const asked: string[] = []
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    asked.push(path)
    const [, name = '', file] = /^\/((?:@[^/]+\/)?[^/]+)(?:\/-\/(.+)\.tgz)?$/.exec(path) ?? []
    const versions = packages.get(name)
    const archive = file === undefined ? undefined : versions?.get(file)
    if (archive !== undefined) return void response.end(archive.tampered ?? archive.bytes)
    if (versions === undefined || file !== undefined) {
      return void response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}')
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(packument(name, versions, urlOf(server))))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = urlOf(server)
  return {
    url,
    env: { npm_config_registry: `${url}/`, npm_config_fetch_retries: '0' },
    asked,
    publish(version) {
      const { name, version: number } = version.description
      packages.set(name, (packages.get(name) ?? new Map<string, PublishedVersion>()).set(number, version))
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function packument(name: string, versions: ReadonlyMap<string, PublishedVersion>, url: string): object {
  const entries = [...versions].map(([version, { description, bytes }]) => {
    const dist = { tarball: `${url}/${name}/-/${version}.tgz`, integrity: integrityOf(bytes) }
    return [version, { ...description, dist, maintainers: [{ name: 'ann' }] }] as const
  })
  const times = [...versions].map(([version, { published }]) => [version, published] as const)
  return {
    name,
    'dist-tags': { latest: [...versions.keys()].at(-1) },
    versions: Object.fromEntries(entries),
    time: { created: LONG_AGO, modified: LONG_AGO, ...Object.fromEntries(times) },
    maintainers: [{ name: 'ann', email: 'ann@example.com' }],
  }
}
