import { passOver, requestOf, type Exchange, type RoutePlan } from '@ccr/sdk'
import { hasRecentImage } from './images.ts'
import { isSame, type ImageTargets } from './targets.ts'

/** What the direct route asks. */
export interface DirectRoute {
  targetsFor(exchange: Exchange, family: string | undefined): Promise<ImageTargets>
  sees(model: string): boolean
}

/**
 * Sends a request whose latest user turn holds an image to the image model, whoever decided where it goes, unless the
 * model that was decided for sees images itself.
 */
export async function directRoute(
  { targetsFor, sees }: DirectRoute,
  plan: RoutePlan,
  exchange: Exchange,
): Promise<RoutePlan | undefined> {
  const [first] = plan.targets
  if (!first || !exchange.mayHold('image')) return undefined
  const { target, rule } = await targetsFor(exchange, plan.family)
  // Reading the messages may mean parsing all of them, so whatever spares that comes first.
  if (target === undefined || !hasRecentImage(requestOf(plan, exchange))) return undefined
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
