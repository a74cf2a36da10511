import { overflowMessage, type AttemptFailure } from '@ccr/sdk'

/** Statuses that blame the request: another target would refuse it too. */
const FAULTS_OF_REQUESTS: readonly (number | undefined)[] = [400, 413, 415, 422]

/** Where a conversation that is too long for one model may fit into the next. */
const LONG_SCENARIOS: readonly (string | undefined)[] = ['longContext', 'extendedContext']

/**
 * Whether another target may answer what this one did not. Not where the request is at fault, or the router itself, or
 * where a client has to renew its own credentials.
 */
export function isWorthAnother(failure: AttemptFailure, scenario: string | undefined): boolean {
  const { kind, status, neutral, reply } = failure
  if (kind === 'plugin') return false
  const isFaultOfRequest =
    kind === 'reported'
      ? reply.type === 'invalid_request_error' || reply.type === 'request_too_large'
      : FAULTS_OF_REQUESTS.includes(status)
  if (isFaultOfRequest) return LONG_SCENARIOS.includes(scenario) && overflowMessage(reply.message, {}) !== undefined
  return !(neutral && (status === 401 || status === 403))
}
