import { findTarget, isObject, writtenRoute } from '@ccr/sdk'
import type { PassedOver, ProjectRoutes, Provider, RouterConfig } from '@ccr/sdk'

type Origin = 'project' | 'session'
type Fields = Readonly<Record<string, unknown>>

/** Something that overrides `Router`, from the widest to the narrowest. */
export interface Layer {
  readonly origin: Origin
  readonly router: Fields
}

/** What an override may say, and how: a route names a configured provider, or it does not count. */
const ROUTES = new Set(['default', 'background', 'think', 'longContext', 'extendedContext', 'webSearch', 'image'])
const THRESHOLDS = new Set(['longContextThreshold', 'extendedContextThreshold'])
const TABLES = new Set(['models', 'agents', 'requestClasses'])

/** `Router` with its layers, and what of them does not count. */
export interface Merged extends ProjectRoutes {
  readonly refused: readonly PassedOver[]
}

/**
 * Lays the layers over the config's own `Router`: key by key, in families and tables too; `null` takes a key away. A
 * layer may choose among the configured providers, and nothing else.
 */
export function mergeRoutes(base: RouterConfig, layers: readonly Layer[], providers: readonly Provider[]): Merged {
  const origins = new Map<string, Origin>()
  const refused: PassedOver[] = []
  let router: Fields = base
  for (const { origin, router: over } of layers) {
    const refuse = (path: string, reason: string): void =>
      void refused.push({ rule: `Router.${path} of the ${origin}`, reason, unmatched: true })
    const layer: LayerContext = { origin, providers, origins, refuse }
    router = mergeFields(router, over, [], layer)
  }
  return { router: router as RouterConfig, origins, refused }
}

interface LayerContext {
  readonly origin: Origin
  readonly providers: readonly Provider[]
  readonly origins: Map<string, Origin>
  refuse(path: string, reason: string): void
}

function mergeFields(base: Fields, over: Fields, above: readonly string[], layer: LayerContext): Fields {
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    // Keys may hold dots themselves, as names of models do.
    const keys = [...above, key]
    const path = keys.join('.')
    const kind = kindOf(keys)
    if (kind === undefined) layer.refuse(path, 'it is no route, threshold or table of routes')
    else if (value === null) {
      delete merged[key]
      layer.origins.set(path, layer.origin)
    } else if (kind === 'table') {
      if (isObject(value)) merged[key] = mergeFields(Object(base[key]) as Fields, value, keys, layer)
      else layer.refuse(path, 'it is no object')
    } else if (typeof value !== 'string' || writtenRoute(value) !== undefined) {
      const fault = faultIn(kind, value, layer.providers)
      if (fault !== undefined) layer.refuse(path, fault)
      else {
        merged[key] = value
        layer.origins.set(path, layer.origin)
      }
    }
  }
  return merged
}

type Kind = 'route' | 'threshold' | 'switch' | 'table'

function kindOf([first = '', second, third]: readonly string[]): Kind | undefined {
  if (second === '__proto__') return undefined
  if (first === 'families') return third === undefined ? 'table' : leafKind(third)
  if (TABLES.has(first)) return second === undefined ? 'table' : 'route'
  return first === 'enableFamilyRouting' ? 'switch' : leafKind(first)
}

function leafKind(key: string): Kind | undefined {
  if (ROUTES.has(key)) return 'route'
  return THRESHOLDS.has(key) ? 'threshold' : undefined
}

function faultIn(kind: Exclude<Kind, 'table'>, value: unknown, providers: readonly Provider[]): string | undefined {
  switch (kind) {
    case 'route': {
      if (typeof value !== 'string') return 'it is not provider,model'
      const target = findTarget(value, providers)
      return typeof target === 'string' ? target : undefined
    }
    case 'threshold':
      return Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : 'it is no number of tokens'
    case 'switch':
      return typeof value === 'boolean' ? undefined : 'it is neither true nor false'
  }
}
