import type { BlockDelta, ContentBlock } from './canonical.ts'
import type { ToolArguments } from './tool-arguments.ts'

/** Text or thinking, which may have to wait. */
export interface Run {
  readonly kind: 'text' | 'thinking'
  /** What waits until the block may be opened. */
  readonly waiting: BlockDelta[]
  /** What `waiting` costs. */
  held: number
  /** The thinking so far, kept while it may have to be signed. */
  thought: string
  signature: string | undefined
  opened: boolean
}

/** A tool call. */
export interface Call {
  readonly kind: 'call'
  id: string | undefined
  name: string
  readonly arguments: ToolArguments
  opened: boolean
  closed: boolean
}

/** A block that came whole. */
export interface Whole {
  readonly kind: 'whole'
  readonly block: ContentBlock
  /** What it costs while it waits. */
  held: number
}

/** What a {@link MessageWriter} writes as one block. */
export type Segment = Run | Call | Whole
