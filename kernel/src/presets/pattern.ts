import { runInNewContext } from 'node:vm'

/** A pattern of somebody else may take for ever. */
const TIMEOUT_MS = 250

/** Whether a regular expression matches a text as a whole; one that takes too long does not. */
export function matchesWhole(pattern: string, text: string): boolean {
  try {
    const matches: unknown = runInNewContext(
      'new RegExp(`^(?:${pattern})$`).test(text)',
      { pattern, text },
      { timeout: TIMEOUT_MS },
    )
    return matches === true
  } catch {
    return false
  }
}
