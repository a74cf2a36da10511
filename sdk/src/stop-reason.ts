/** Stop reasons of the Messages API that say an answer is whole. */
const WHOLE: ReadonlySet<unknown> = new Set(['end_turn', 'tool_use', 'stop_sequence'])

/**
 * Whether a stop reason says that the answer is whole. One that was cut, refused or paused may end in half a call, and
 * so may one of a reason that is not known.
 */
export function saysWhole(stopReason: unknown): boolean {
  return WHOLE.has(stopReason)
}
