import type { Attempt, AttemptFailure, CanonicalRequest, Target } from '@ccr/sdk'
import { withAnsweredCalls } from './answered-calls.ts'
import { withoutThinkingBlocks } from './foreign.ts'
import { withoutForeignParts, withoutThinking } from './history.ts'

/**
 * What servers refuse of a history that other models wrote in part, which no one can tell beforehand: thinking carries
 * no name. `thinking` is on, and the running tool loop does not begin with any; it is on although nobody `asked`; the
 * history holds thinking with the `signature` of another, or calls whose `ids` a server counted anew in each answer.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking
 */
type Refusal = 'thinking' | 'asked' | 'signature' | 'ids'

const WORDINGS: readonly (readonly [Refusal, RegExp])[] = [
  ['thinking', /expected.{1,9}thinking.{1,20}redacted_thinking.{1,9}but found|must start with a thinking block/is],
  // Source: https://api-docs.deepseek.com/guides/thinking_mode, whose server speaks this protocol too
  ['asked', /\bthinking\b.{0,40}\bmust be passed back/is],
  ['signature', /invalid\W+(?:signature|data)\W+in\W+(?:redacted_)?thinking|\bthinking\.signature\b/i],
  ['ids', /tool_use\W{1,3}ids must be unique/i],
]

/** What the target of an exchange has refused of it. */
const REFUSED = Symbol('refused')
type Refused = { readonly target: Target; readonly refusals: readonly Refusal[] } | undefined

/** The refusal that a failure is, if the request is worth one more try without what was refused. */
export function learn(failure: AttemptFailure, attempt: Attempt): Refusal | undefined {
  const known = refusedOf(attempt)
  const found = WORDINGS.find(([refusal, words]) => words.test(failure.message) && !known.includes(refusal))
  if (!found) return undefined
  const refused: Refused = { target: attempt.target, refusals: [...known, found[0]] }
  attempt.exchange.locals[REFUSED] = refused
  return found[0]
}

/** Whether this target has refused the request as the client wrote it. */
export function isRefused(attempt: Attempt): boolean {
  return refusedOf(attempt).length > 0
}

/** The request without what its target has refused. */
export function withoutRefused(request: CanonicalRequest, attempt: Attempt): CanonicalRequest {
  return refusedOf(attempt).reduce(without, request)
}

function without(request: CanonicalRequest, refusal: Refusal): CanonicalRequest {
  switch (refusal) {
    case 'thinking':
      return withoutThinking(request)
    case 'asked':
      return { ...withoutThinking(request), thinking: { type: 'disabled' } }
    case 'signature':
      return withoutForeignParts(request, withoutThinkingBlocks)
    case 'ids':
      return withAnsweredCalls(request)
  }
}

function refusedOf({ exchange, target }: Attempt): readonly Refusal[] {
  const refused = exchange.locals[REFUSED] as Refused
  const same = refused?.target.provider === target.provider && refused.target.model === target.model
  return same ? refused.refusals : []
}
