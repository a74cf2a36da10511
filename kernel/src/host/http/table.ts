import Router from 'find-my-way'
import type { ClientDialect, Endpoint } from '@ccr/sdk'
import { DEFAULT_PROFILE, type Generation } from '../../core/generation.ts'
import type { Access } from './keys.ts'

/** An endpoint, and the profile that it belongs to where that is not the default one. */
export type ProfileEndpoint = Endpoint & { readonly profile?: string }

/** What a table says about a request: its endpoint, the methods that exist instead, or nothing. */
export type Found =
  | { readonly endpoint: ProfileEndpoint; readonly params: Readonly<Record<string, string | undefined>> }
  | { readonly allow: string }
  | undefined

/** The endpoints of one generation. Case and a trailing slash matter; `GET` also answers `HEAD`. */
export interface EndpointTable {
  readonly endpoints: readonly ProfileEndpoint[]
  /** @param target path and query as they came */
  find(method: string, target: string): Found
  /**
   * The dialect in which a refusal is told: that of the endpoint, else the one that alone has endpoints in the first
   * folder of the path. Of a path below `/preset/<name>` only what follows the name counts: the words of a refusal,
   * too, would tell whoever has no key which presets there are.
   */
  clientOf(method: string, target: string): ClientDialect | undefined
}

type ClientEndpoint = Extract<Endpoint, { readonly client: ClientDialect }>

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const
type Method = (typeof METHODS)[number]
/** `/preset` and what is below it; letters may be escaped. */
const PRESET_PATH = /^\/(?:p|%70)(?:r|%72)(?:e|%65)(?:s|%73)(?:e|%65)(?:t|%74)(?:[/?]|%2f|$)/i
const PRESET_NAME = /^\/[^/?]+\/[^/?]+/
const PARAMETER_CHARACTERS = 1024

/** Every endpoint of a generation; those of a profile stand under its path. */
export function endpointsOf({ profiles }: Generation): readonly ProfileEndpoint[] {
  return [...profiles.values()].flatMap(({ name, endpoints }) => {
    if (name === DEFAULT_PROFILE) return endpoints
    return endpoints.map((one) => ({ ...one, path: `${presetPath(name)}${one.path}`, profile: name }))
  })
}

function presetPath(name: string): string {
  return `/preset/${encodeURIComponent(name)}`
}

/**
 * Who may learn what a table has found. Below `/preset` only clients with the key may: else anybody could find out
 * which presets there are.
 *
 * @param target path and query as they came
 */
export function accessOf(found: Found, target: string): Access {
  if (found !== undefined && 'endpoint' in found) {
    const { endpoint } = found
    const access = 'client' in endpoint ? 'data' : endpoint.access
    return access === 'public' && endpoint.profile !== undefined ? 'data' : access
  }
  return PRESET_PATH.test(target) ? 'data' : 'public'
}

/** Builds the table; of two endpoints with one method and path the first is kept. */
export function createEndpointTable(endpoints: readonly ProfileEndpoint[]): EndpointTable {
  const router = createRouter<ProfileEndpoint>()
  const clients = createRouter<ClientEndpoint>()
  const folders = new Map<string, ClientEndpoint | undefined>()
  for (const endpoint of endpoints) {
    const { method, path, profile } = endpoint
    router.add(method, path, endpoint)
    if (!('client' in endpoint)) continue
    const ownPath = profile === undefined ? path : path.slice(presetPath(profile).length)
    const folder = folderOf(ownPath)
    const isAlone = !folders.has(folder) || folders.get(folder)?.dialect === endpoint.dialect
    folders.set(folder, isAlone ? endpoint : undefined)
    clients.add(method, ownPath, endpoint)
  }
  const lookUp = (method: Method, target: string): Found => {
    const route = router.find(method, target)
    return route && { endpoint: route.store, params: route.params }
  }
  return {
    endpoints,
    find(method, target) {
      const found = isKnown(method)
        ? (lookUp(method, target) ?? (method === 'HEAD' ? lookUp('GET', target) : undefined))
        : undefined
      if (found) return found
      const allowed = METHODS.filter((other) => lookUp(other, target) ?? (other === 'HEAD' && lookUp('GET', target)))
      return allowed.length === 0 ? undefined : { allow: allowed.join(', ') }
    },
    clientOf(method, target) {
      const path = PRESET_PATH.test(target) ? target.replace(PRESET_NAME, '') : target
      const asked = isKnown(method) ? clients.find(method, path)?.store : undefined
      return (asked ?? folders.get(folderOf(path)))?.client
    },
  }
}

function folderOf(path: string): string {
  return /^\/[^/?]*/.exec(path)?.[0] ?? ''
}

interface PathRouter<Store> {
  /** Of two with one method and path the first is kept. */
  add(method: Method, path: string, store: Store): void
  find(
    method: Method,
    target: string,
  ): { readonly store: Store; readonly params: Readonly<Record<string, string | undefined>> } | undefined
}

function createRouter<Store>(): PathRouter<Store> {
  const router = Router({
    caseSensitive: true,
    ignoreTrailingSlash: false,
    ignoreDuplicateSlashes: false,
    maxParamLength: PARAMETER_CHARACTERS,
  })
  return {
    add(method, path, store) {
      if (!router.hasRoute(method, path)) router.on(method, path, unused, store)
    },
    find(method, target) {
      const route = router.find(method, target)
      // find-my-way answers a malformed escape with a route of its own, which has no store.
      return route?.store ? { store: route.store as Store, params: route.params } : undefined
    },
  }
}

function isKnown(method: string): method is Method {
  return (METHODS as readonly string[]).includes(method)
}

function unused(): void {
  throw new Error('endpoints are looked up, never called by the router library')
}
