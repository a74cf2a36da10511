import type { Outbound, RoutePlan, Target } from '../exchange.ts'
import type { RequestDecision } from '../hooks.ts'
import { isObject } from '../is-object.ts'

type Fields = Record<string, unknown>

/** What is wrong with a result of onRequest. */
export function requestFault(result: unknown): string | undefined {
  if (!isObject(result)) return 'it is not { reply } or { request }'
  const { reply, request } = result as Partial<Record<keyof (RequestDecision & object) | 'reply' | 'request', unknown>>
  if (reply !== undefined) return isReply(reply) ? undefined : 'its reply holds no message, failure or events'
  if (isObject(request)) return typeof request['model'] === 'string' ? undefined : 'its request names no model'
  return 'it is not { reply } or { request }'
}

/** What is wrong with a result of selectRoute, given the plan it refines. */
export function planFault(result: unknown, before: RoutePlan): string | undefined {
  if (!isObject(result)) return 'it is not a plan'
  const { targets, passedOver, primary, request } = result as Partial<RoutePlan>
  if (!Array.isArray(targets) || !targets.every(isTarget)) return 'its targets are not { provider, model } pairs'
  if (!Array.isArray(passedOver) || !passedOver.every(isPassedOver)) return 'its passedOver is not a list of { reason }'
  if (targets.length === 0 && before.targets.length > 0) return 'it removed the last target'
  if (primary !== undefined && !isTarget(primary)) return 'its primary is not { provider, model }'
  if (request !== undefined && typeof (request as Fields | null)?.['model'] !== 'string')
    return 'its request names no model'
  for (const field of PLAN_TEXTS) if (!isOptionalText(result[field])) return `its ${field} is not a text`
  return undefined
}

const PLAN_TEXTS = ['decidedBy', 'rule', 'source', 'scenario', 'family'] as const

/** What is wrong with a result of transformRequest in this stage. */
export function outboundFault(result: unknown, before: Outbound, stage: string): string | undefined {
  if (!isObject(result)) return 'it is not an outbound request'
  const { dialect, body, headers, baseUrl, model, stream, auth, modelField } = result as Partial<Outbound>
  if (!isObject(headers)) return 'its headers are not an object'
  if (Object.values(headers).some((value) => typeof value !== 'string' || /[\r\n\0]/.test(value)))
    return 'a header value is not one line of text'
  if (typeof baseUrl !== 'string' || typeof model !== 'string' || typeof stream !== 'boolean')
    return 'baseUrl, model or stream is missing'
  if (dialect !== before.dialect) return `it changed the dialect of the body from '${before.dialect}'`
  if (stage !== 'send' && !isObject(body)) return 'its body is not an object'
  if (stage === 'send' && (body !== before.body || model !== before.model || stream !== before.stream)) {
    return 'in the send stage only url, headers and auth may change'
  }
  if (modelField !== undefined && (!isText(modelField, 'name') || !isText(modelField, 'value')))
    return 'its modelField is not { name, value }'
  const auths: readonly unknown[] = Array.isArray(auth) ? auth : auth === undefined ? [] : [auth]
  return auths.every(isObject) ? undefined : 'its auth is not { scheme, secret }'
}

/** What is wrong with a result of onError. */
export function decisionFault(result: unknown): string | undefined {
  if (!isObject(result)) return 'it is not a decision'
  const { action, afterMs, reply } = result
  const isWait = typeof afterMs === 'number' && afterMs >= 0 && afterMs < 2 ** 31
  if (action === 'retry') return isWait ? undefined : 'retry needs afterMs >= 0'
  if (action === 'next' && reply === undefined) return undefined
  if (action === 'next' || action === 'reply')
    return isFailure(reply) ? undefined : 'reply needs an error status, a type and a message'
  return 'its action is not retry, next or reply'
}

function isReply(reply: unknown): boolean {
  if (!isObject(reply)) return false
  if (isObject(reply['message'])) return Array.isArray(reply['message']['content'])
  if (reply['failure'] !== undefined) return isFailure(reply['failure'])
  return isObject(reply['events']) && Symbol.asyncIterator in reply['events']
}

function isFailure(value: unknown): boolean {
  if (!isObject(value)) return false
  const { status, type, message, retryAfter, headers = {}, body } = value
  const isStatus = Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599
  const lines = isObject(headers) ? [...Object.entries(headers).flat(), retryAfter ?? ''] : [undefined]
  if (body !== undefined && !(body instanceof Uint8Array)) return false
  return isStatus && typeof type === 'string' && typeof message === 'string' && lines.every(isLine)
}

/** What may stand in a header. */
function isLine(value: unknown): boolean {
  return typeof value === 'string' && /^[\x20-\x7e]*$/.test(value)
}

function isPassedOver(value: unknown): boolean {
  if (!isObject(value)) return false
  const { reason, rule, target } = value
  return typeof reason === 'string' && isOptionalText(rule) && (target === undefined || isTarget(target))
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}

function isText(value: unknown, field: string): boolean {
  return isObject(value) && typeof value[field] === 'string'
}

function isTarget(value: unknown): value is Target {
  return isObject(value) && typeof value['provider'] === 'string' && typeof value['model'] === 'string'
}
