import { overflowMessage, type AttemptFailure, type FailureType } from '@ccr/sdk'

/** What blames the request: another target would refuse it too. */
const FAULTS_OF_REQUESTS: readonly FailureType[] = ['invalid_request_error', 'request_too_large']

/** Where a conversation that is too long for one model may fit into the next. */
const LONG_SCENARIOS: readonly (string | undefined)[] = ['longContext', 'extendedContext']

/**
 * Whether another target may answer what this one did not. Not where the request is at fault, or the router itself, or
 * where a client has to renew its own credentials.
 */
export function isWorthAnother(failure: AttemptFailure, scenario: string | undefined): boolean {
  const { kind, status, neutral, reply } = failure
  if (kind === 'plugin') return false
  // By what is told: a status alone may blame the request where a key is refused.
  if (FAULTS_OF_REQUESTS.includes(reply.type))
    return LONG_SCENARIOS.includes(scenario) && overflowMessage(reply.message, {}) !== undefined
  return !(neutral && (status === 401 || status === 403))
}
