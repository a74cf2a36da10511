import type { Trait } from './adapt.ts'
import type { NamespacedNames } from './tool-names.ts'

/** What the encoder needs to know of its attempt. */
export interface EncodeOptions {
  readonly model: string
  readonly stream: boolean
  /** Name of the provider, to which alone its own reasoning is replayed. */
  readonly provider: string
  readonly names: NamespacedNames
  /** The client means by a strict schema what this protocol does: all is required, and nothing else may be there. */
  readonly sharesStrict: boolean
  /** What the target is known not to accept. */
  readonly refused: ReadonlySet<Trait>
  /** Reasoning that no server could read. */
  isUnreadable(key: string): boolean
  /** Groups requests whose beginning is the same, so that prompt caches match. */
  readonly sessionId?: string | undefined
}
