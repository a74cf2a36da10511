import { CcrError, type ErrorCode, isCcrError, messageOf } from '@ccr/sdk'

/** Something that went wrong, as it is told over HTTP. */
export interface Fault {
  readonly code: ErrorCode
  readonly message: string
  /** `file:line:column`. */
  readonly at?: string | undefined
}

/** A thrown value as a fault, without secrets. */
export function toFault(thrown: unknown, redact: (text: string) => string): Fault {
  const error = isCcrError(thrown) ? (thrown satisfies CcrError) : undefined
  return { code: error?.code ?? 'CCR_UNKNOWN', message: redact(messageOf(thrown)), at: error?.at }
}

/** The same error, its message without secrets, and without the cause, which may repeat them. */
export function withoutSecrets(thrown: unknown, redact: (text: string) => string): unknown {
  if (!isCcrError(thrown)) return thrown
  const { code, message, plugin, hook, at } = thrown
  return new CcrError(code, redact(message), { plugin, hook, at })
}
