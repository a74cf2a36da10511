import { decide, findTarget, nameRule, passOver, requestOf, writtenRoute } from '@ccr/sdk'
import type { Exchange, RoutePlan } from '@ccr/sdk'
import type { Routes } from './family-route.ts'
import { readModelName } from './family.ts'

/** Decides by `Router.models`: where a model goes, by the name that the client asks for. */
export function mappedRoute({ router, origins }: Routes, plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  const { models = {}, families = {} } = router
  const { model } = requestOf(plan, exchange)
  const keys = Object.keys(models).filter((one) => writtenRoute(models[one]) !== undefined)
  if (keys.length === 0) return undefined
  const key = mappedKey(model, keys, Object.keys(families))
  if (key === undefined) return passOver(plan, { rule: 'Router.models', reason: `it does not map '${model}'` })
  const rule = nameRule(`Router.models.${key}`, origins)
  const target = findTarget(models[key]!, exchange.providers)
  if (typeof target === 'string') return passOver(plan, { rule, reason: target, unmatched: true })
  return decide(plan, { target, decidedBy: 'route-families', source: 'config', rule, scenario: 'modelMapping' })
}

const KNOWN_FAMILIES = ['opus', 'sonnet', 'haiku']

/** The key for a model: its name, its bare name, its family, or the longest key that its name holds. */
function mappedKey(model: string, keys: readonly string[], families: readonly string[]): string | undefined {
  if (keys.includes(model)) return model
  const bareOf = (name: string): string => readModelName(name, []).bare
  const { bare, family } = readModelName(model, [...families, ...KNOWN_FAMILIES])
  const same = keys.find((key) => bareOf(key) === bare) ?? keys.find((key) => key.toLowerCase() === family)
  if (same !== undefined) return same
  const held = keys.filter((key) => bareOf(key) !== '' && bare.includes(bareOf(key)))
  return held.sort((first, second) => bareOf(second).length - bareOf(first).length)[0]
}
