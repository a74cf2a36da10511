import { DEFAULT_PROFILE, type Generation } from '../../core/generation.ts'
import type { Refusal } from './failure-answer.ts'
import type { EndpointTable, ProfileEndpoint } from './table.ts'

const SHOWN_CHARACTERS = 100
/** Most folders of a path that is compared with those that are served. */
const MOST_FOLDERS = 20

/** A request that no endpoint takes. */
export interface Unserved {
  readonly method: string
  /** Path and query as they came. */
  readonly target: string
  /** The methods that its path takes, where there are any. */
  readonly allow: string | undefined
}

/** What its client is told: which methods there are, else the path that was meant, else where models are asked. */
export function refusalOf(asked: Unserved, table: EndpointTable, generation: Generation | undefined): Refusal {
  const { allow } = asked
  if (allow === undefined)
    return { status: 404, type: 'not_found_error', message: describeMissing(asked, table, generation) }
  return { status: 405, type: 'invalid_request_error', message: `this endpoint answers ${allow}`, headers: { allow } }
}

function describeMissing({ method, target }: Unserved, table: EndpointTable, generation: Generation | undefined) {
  const [preset = '', name] = /^\/preset\/([^/?]+)/.exec(target) ?? []
  const profile = [...(generation?.profiles.keys() ?? [])].find((one) => encodeURIComponent(one) === name)
  if (name !== undefined && (profile === undefined || profile === DEFAULT_PROFILE))
    return `no preset or profile '${shown(name)}' is served; \`ccr status\` says what was left out`
  const [path] = target.split('?', 1) as [string]
  const served = table.endpoints.filter((one) => 'client' in one && one.profile === profile)
  const paths = [...new Set(served.map((one) => one.path))].sort()
  const roots = new Set(paths.map((one) => one.slice(preset.length).split('/', 2).join('/')))
  const isServed = (tried: string): boolean => {
    const found = table.find(method, preset + tried)
    return found !== undefined && 'endpoint' in found && isForClients(found.endpoint, profile)
  }
  const nearest = nearestPath(path.slice(preset.length), roots, isServed)
  const fact = `${method} ${shown(path)} is not served`
  if (nearest !== undefined)
    return `${fact}, but ${method} ${shown(preset + nearest)} is: check the base URL that the client was given`
  return paths.length === 0 ? fact : `${fact}; models are asked at ${paths.join(', ')}`
}

function isForClients(endpoint: ProfileEndpoint, profile: string | undefined): boolean {
  return endpoint.profile === profile && ('client' in endpoint || endpoint.access === 'data')
}

/**
 * The path that was meant, by how base URLs go wrong: with folders too many or one too few, with slashes too many, in
 * capitals. Below a folder that is served, what ends like another path is one of its own, as `/v1/threads/1/messages`.
 *
 * @param roots first folders of what is served
 */
function nearestPath(
  path: string,
  roots: ReadonlySet<string>,
  isServed: (path: string) => boolean,
): string | undefined {
  for (const written of new Set([path, path.toLowerCase()])) {
    const folders = written.split('/').filter((one) => one !== '')
    if (folders.length > MOST_FOLDERS) return undefined
    for (let at = 0; at < folders.length; at++) {
      const before = `/${folders.slice(0, at).join('/')}`
      const rest = `/${folders.slice(at).join('/')}`
      if (isServed(rest)) return rest
      if (roots.has(`/${folders[0]}`) && !isServed(before)) continue
      for (const root of roots) if (isServed(root + rest)) return root + rest
    }
  }
  return undefined
}

function shown(text: string): string {
  return text.slice(0, SHOWN_CHARACTERS)
}
