/** When a crashed router is started again. */
export interface RestartPolicy {
  /** Milliseconds to wait before the next start, or `undefined` to give up. */
  crashed(startedAt: number, now: number): number | undefined
}

const WINDOW_MS = 60_000
const CRASHES = 3
const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 5_000

/** Waits 0.2 s after a crash, twice as long after each further one up to 5 s, and gives up at the third within 60 s. */
export function createRestartPolicy(): RestartPolicy {
  let recent: number[] = []
  let inARow = 0
  return {
    crashed(startedAt, now) {
      recent = [...recent.filter((time) => now - time < WINDOW_MS), now]
      if (recent.length >= CRASHES) return undefined
      inARow = now - startedAt >= WINDOW_MS ? 1 : inARow + 1
      return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (inARow - 1))
    },
  }
}
