import type { AttemptRecord, Exchange, PassedOver, Target, TokenCounts } from '@ccr/sdk'
import type { RoutingNote } from '../../exchange/ports.ts'

/** What JSON writes as it is. */
const PLAIN = /^[ !#-[\]-~]*$/

/**
 * A line of the routing log, in JSON, with its line end. Every field is written by name: to walk through the objects
 * took four times as long, and a small request has four of these lines.
 */
export function routingLine(time: string, exchange: Exchange, note: RoutingNote): string {
  return `{"time":"${time}","event":"${note.event}","request":"${exchange.id}",${fieldsOf(exchange, note)}}\n`
}

function fieldsOf(exchange: Exchange, note: RoutingNote): string {
  if (note.event === 'route') {
    const { decidedBy, rule, source, scenario, family, targets, passedOver } = note
    const decision = optional('decidedBy', decidedBy) + optional('rule', rule) + optional('source', source)
    const found = optional('scenario', scenario) + optional('family', family)
    const looked = `"targets":[${list(targets, ofTarget)}],"passedOver":[${list(passedOver, ofPassedOver)}]`
    return `${ofExchange(exchange)}${decision}${found},${looked}`
  }
  if (note.event !== 'done') return `"number":${note.number},${fieldsOfTarget(note)}`
  const { status, httpStatus, ms, tokens, estimated, attempts } = note.record
  const end = `"status":${text(status)},"httpStatus":${httpStatus},"ms":${ms}`
  const used = `"tokens":${ofTokens(tokens)}${estimated ? ',"estimated":true' : ''}`
  return `${end},${used},"attempts":[${list(attempts, ofAttempt)}]`
}

function ofExchange({ dialect, profile, generation, client, request }: Exchange): string {
  const { app, sessionId, agentId, requestClass } = client
  const served = `"dialect":${text(dialect)},"profile":${text(profile)},"generation":${generation}`
  const session = optional('sessionId', sessionId) + optional('agentId', agentId)
  const asker = `,"app":${text(app)}${session}${optional('requestClass', requestClass)}`
  return `${served}${asker},"model":${text(request.model)},"stream":${request.stream === true}`
}

function ofPassedOver({ rule, target, reason, unmatched }: PassedOver): string {
  const what = (rule === undefined ? '' : `"rule":${text(rule)},`) + (target ? `"target":${ofTarget(target)},` : '')
  return `{${what}"reason":${text(reason)}${unmatched ? ',"unmatched":true' : ''}}`
}

function ofAttempt(attempt: AttemptRecord): string {
  const { outcome, status, ms, kind, code, error, tokens } = attempt
  const told = optional('kind', kind) + optional('code', code) + (isOwn(kind) ? optional('error', error) : '')
  const failure = (status === undefined ? '' : `,"status":${number(status)}`) + told
  const end = `"outcome":${text(outcome)},"ms":${ms}${failure}`
  return `{${fieldsOfTarget(attempt)},${end}${tokens ? `,"tokens":${ofTokens(tokens)}` : ''}}`
}

/** The words of an upstream may quote the request, which stands in no log. */
function isOwn(kind: AttemptRecord['kind']): boolean {
  return kind === 'network' || kind === 'timeout' || kind === 'plugin'
}

function ofTokens({ input, cacheRead, cacheCreation, output, reasoning }: TokenCounts): string {
  const read = `"input":${number(input)},"cacheRead":${number(cacheRead)},"cacheCreation":${number(cacheCreation)}`
  return `{${read},"output":${number(output)},"reasoning":${number(reasoning)}}`
}

function ofTarget(target: Target): string {
  return `{${fieldsOfTarget(target)}}`
}

function fieldsOfTarget({ provider, model }: Target): string {
  return `"provider":${text(provider)},"model":${text(model)}`
}

function list<T>(values: readonly T[], write: (value: T) => string): string {
  let all = ''
  for (let index = 0; index < values.length; index++) all += (index > 0 ? ',' : '') + write(values[index]!)
  return all
}

function optional(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${text(value)}`
}

/** A plugin may have given anything. */
function text(value: string): string {
  return typeof value === 'string' && PLAIN.test(value) ? `"${value}"` : (JSON.stringify(value) ?? 'null')
}

function number(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null'
}
