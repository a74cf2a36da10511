/**
 * Anthropic clients replay only thinking that carries a signature, so the router signs what other vendors reasoned.
 * Such a signature starts with this mark; a target of another family never sees the block. It begins with a character
 * that is rare in any text: every body is searched for it, and a megabyte takes 10 µs that way and 200 µs otherwise.
 */
export const REASONING_MARK = '~ccr-reasoning.'

/** What a router-made signature says. */
export interface ReasoningOrigin {
  /** The dialect or vendor family that made the reasoning. */
  readonly family: string
  /** Whatever must be echoed to that family, or an empty string. */
  readonly payload: string
}

/** A signature for a thinking block that another vendor made. */
export function signReasoning({ family, payload }: ReasoningOrigin): string {
  return `${REASONING_MARK}${family}.${Buffer.from(payload, 'utf8').toString('base64url')}`
}

/** Reads a router-made signature; nothing for a signature that someone else made. */
export function readReasoning(signature: string): ReasoningOrigin | undefined {
  if (!signature.startsWith(REASONING_MARK)) return undefined
  const rest = signature.slice(REASONING_MARK.length)
  const dot = rest.lastIndexOf('.')
  if (dot < 0) return undefined
  return { family: rest.slice(0, dot), payload: Buffer.from(rest.slice(dot + 1), 'base64url').toString('utf8') }
}
