import type { Target } from './exchange.ts'
import { canonicalTarget, findTarget, splitTarget, type NamedModels } from './routing.ts'

/** Claude Code takes only such ids into the list of its `/model` command. */
const TAKEN = /^(?:claude|anthropic)/i
const PREFIX = 'anthropic/'

/** The id under which Claude Code lists a model that is `provider,model`; it asks for the model by this id. */
export function toListedId(id: string): string {
  return TAKEN.test(id) ? id : `${PREFIX}${id}`
}

/**
 * The configured target whose listed id this is. A provider whose own name begins like such an id comes first: its ids
 * were left as they are, and are none of these.
 */
export function listedTarget(id: string, providers: readonly NamedModels[]): Target | undefined {
  if (!id.toLowerCase().startsWith(PREFIX) || typeof findTarget(id, providers) !== 'string') return undefined
  const target = findTarget(id.slice(PREFIX.length), providers)
  return typeof target === 'string' ? undefined : target
}

/**
 * The target that a client names in place of a model, as `provider,model` or by its listed id; nothing for a name that
 * routes decide about. A provider that is not configured stays as it is written.
 */
export function namedTarget(model: string, providers: readonly NamedModels[]): Target | undefined {
  const named = splitTarget(model)
  return listedTarget(model, providers) ?? (named && canonicalTarget(named, providers))
}
