import type { RoutePlan } from '../exchange.ts'

/** A plan as one line: its scenario, who decided and by which rule, and what was asked for in vain. */
export function describeRoute(plan: Partial<RoutePlan> = {}): string {
  const { scenario, source = '', family, decidedBy, rule, passedOver = [] } = plan
  let line = scenario ?? source
  if (family !== undefined) line += `; family=${family}`
  if (decidedBy !== undefined) line += `; by=${decidedBy}`
  if (rule !== undefined) line += `; rule=${rule}`
  for (const one of passedOver) if (one.unmatched) line += `; unmatched=${describePassedOver(one)}`
  return line
}

/** What was passed over, as one line. */
export function describePassedOver({ rule, target, reason }: RoutePlan['passedOver'][number]): string {
  const subject = [rule, target && `${target.provider},${target.model}`].filter((part) => part !== undefined)
  return subject.length === 0 ? reason : `${subject.join(' ')}: ${reason}`
}
