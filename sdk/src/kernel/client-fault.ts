import { checkRequest } from '../check-request.ts'
import { isCcrError, type CcrError } from '../errors.ts'
import type { Attempt, Exchange } from '../exchange.ts'

/**
 * What the client did wrong, when a handler failed with a request: what the handler says of it, or what is wrong with
 * the request itself, which nobody has to check before reading it. Nothing when the request is as it should be.
 */
export function clientFault(thrown: unknown, subject: Exchange | Attempt): CcrError | undefined {
  if (isInvalid(thrown)) return thrown
  try {
    checkRequest(('exchange' in subject ? subject.exchange : subject).request)
  } catch (fault) {
    if (isInvalid(fault)) return fault
  }
  return undefined
}

function isInvalid(thrown: unknown): thrown is CcrError {
  return isCcrError(thrown) && thrown.code === 'CCR_REQUEST_INVALID'
}
