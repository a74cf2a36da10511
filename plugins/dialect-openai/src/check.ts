import { invalidRequest, type CcrError } from '@ccr/sdk'

export { checkFields, checkString } from '@ccr/sdk'

/** Says what must stand at a JSON pointer of a request. */
export function invalid(at: string, what: string): CcrError {
  return invalidRequest(at, `must be ${what}`)
}
