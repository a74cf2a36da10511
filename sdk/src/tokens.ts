import type { CanonicalRequest } from './canonical.ts'
import type { Target } from './exchange.ts'

/** How many tokens a request holds, as far as that is known without reading all of it again. */
export interface TokenBounds {
  readonly atLeast: number
  readonly atMost: number
  /** The most likely number, between the two. */
  readonly estimate: number
}

/** Counts tokens. The target says whose tokenizer counts; without one, that of the standard encoding. */
export interface TokenService {
  /** At once: counts that are remembered, and bounds for the blocks that were not seen before. */
  bounds(request: CanonicalRequest, target?: Target): TokenBounds
  /** Exact where the tokenizer is known. Blocks that are remembered cost nothing; long work yields to other work. */
  count(request: CanonicalRequest, target?: Target, signal?: AbortSignal): Promise<number>
  /** Whether a request holds more than `threshold` tokens: counted exactly only where the bounds leave it open. */
  exceeds(request: CanonicalRequest, threshold: number, target?: Target): boolean | Promise<boolean>
}
