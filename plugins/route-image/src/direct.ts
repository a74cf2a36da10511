import { andThen, passOver, requestOf, type Exchange, type Maybe, type RoutePlan, type Target } from '@ccr/sdk'
import { hasRecentImage } from './images.ts'
import { isSame, type FindImageTargets, type ImageTargets } from './targets.ts'

/** What the direct route asks. */
export interface DirectRoute {
  readonly targetsFor: FindImageTargets
  sees(model: string): boolean
}

/**
 * Sends a request whose latest user turn holds an image to the image model, whoever decided where it goes, unless the
 * model that was decided for sees images itself.
 */
export function directRoute({ targetsFor, sees }: DirectRoute, plan: RoutePlan, exchange: Exchange): Maybe<RoutePlan> {
  const [first] = plan.targets
  if (!first) return undefined
  const decided = (targets: ImageTargets) => imageRoute(targets, sees, first, plan, exchange)
  return andThen(targetsFor(exchange, plan.family), decided)
}

function imageRoute(
  { target, rule }: ImageTargets,
  sees: DirectRoute['sees'],
  first: Target,
  plan: RoutePlan,
  exchange: Exchange,
): RoutePlan | undefined {
  // Searching the body costs time, and reading the messages may mean parsing all of them: what spares that comes first.
  if (target === undefined || !exchange.mayHold('image')) return undefined
  if (!hasRecentImage(requestOf(plan, exchange))) return undefined
  if (typeof target === 'string') return passOver(plan, { rule, reason: target, unmatched: true })
  if (isSame(first, target)) return undefined
  if (sees(first.model)) return passOver(plan, { rule, target, reason: `'${first.model}' sees images itself` })
  const passed = passOver(plan, { target: first, reason: 'the request has an image, which it does not see' })
  return {
    ...passed,
    targets: [target],
    primary: target,
    decidedBy: 'route-image',
    source: 'config',
    rule,
    scenario: 'image',
  }
}
