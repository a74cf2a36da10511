import { createRefusals, refusalOf, type Attempt, type AttemptFailure } from '@ccr/sdk'

const HEADER = 'anthropic-beta'
/** How the server names the features that it does not know, each in backticks. */
const REFUSED = /unexpected value\(s\) (.+?) for the `?anthropic-beta`? header/i

/** Features of the Messages protocol that a client asks for by header, without those that a target refused. */
export interface Betas {
  /** The headers of a request; the same object when none of them is refused. */
  fit(headers: Readonly<Record<string, string>>, attempt: Attempt): Readonly<Record<string, string>>
  /** What a failure shows to be refused, as far as that is news: the request is worth one more try. */
  learn(failure: AttemptFailure, attempt: Attempt): readonly string[]
}

/**
 * Clients ask for whatever the vendor's own API knows, and this server refuses a request for a name that is new to it.
 * What it refuses is learned: there is no list, and a feature that it has learned meanwhile is asked for.
 */
export function createBetas(): Betas {
  const refusals = createRefusals<string>()
  return {
    fit(headers, attempt) {
      const { [HEADER]: asked, ...others } = headers
      if (asked === undefined) return headers
      const refused = refusals.refusedBy(attempt.target, attempt)
      const names = asked.split(',').map((name) => name.trim())
      const left = names.filter((name) => name !== '' && !refused.has(name))
      if (left.length === names.length) return headers
      return left.length === 0 ? others : { ...others, [HEADER]: left.join(',') }
    },
    learn(failure, attempt) {
      const [, list = ''] = REFUSED.exec(refusalOf(failure, [400]) ?? '') ?? []
      const names = [...list.matchAll(/`([^`\s]{1,100})`/g)].map(([, name]) => name!)
      return names.filter((name) =>
        refusals.learn(attempt.target, (known) => (known.has(name) ? undefined : name), attempt),
      )
    },
  }
}
