import type { ToolNames } from '@ccr/sdk'
import type { Trait } from './adapt.ts'

/** What the encoder needs to know of its attempt. */
export interface EncodeOptions {
  readonly model: string
  readonly stream: boolean
  /** Name of the provider, to which alone its own reasoning is replayed. */
  readonly provider: string
  readonly names: ToolNames
  /** What the target is known not to accept. */
  readonly refused: ReadonlySet<Trait>
}
