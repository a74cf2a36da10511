/** How a crashed router is started again. */
export interface Restart {
  readonly delayMs: number
  /** Without third-party plugins. */
  readonly safe: boolean
}

/** When a crashed router is started again, and how. */
export interface RestartPolicy {
  /**
   * `undefined` to give up.
   *
   * @param stuck its start did not end: three of these take longer than crashes are counted together
   */
  crashed(startedAt: number, now: number, stuck?: boolean): Restart | undefined
  /** The router took third-party plugins into use again. */
  leftSafeMode(): void
}

const WINDOW_MS = 60_000
const CRASHES = 3
const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 5_000

/**
 * Waits 0.2 s after a crash, twice as long after each further one up to 5 s. The third within 60 s starts it in safe
 * mode, which lasts until it is left, and the third within 60 s there gives up. A start that did not end is followed by
 * safe mode at once, because the code that keeps it from ending is most likely a plugin's.
 */
export function createRestartPolicy(): RestartPolicy {
  let recent: number[] = []
  let inARow = 0
  let safe = false
  const beginAnew = (): void => {
    recent = []
    inARow = 0
  }
  return {
    crashed(startedAt, now, stuck = false) {
      recent = [...recent.filter((time) => now - time < WINDOW_MS), now]
      const isTooOften = recent.length >= CRASHES
      if (isTooOften && safe) return undefined
      if (isTooOften || (stuck && !safe)) {
        safe = true
        beginAnew()
      }
      inARow = now - startedAt >= WINDOW_MS ? 1 : inARow + 1
      return { delayMs: Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (inARow - 1)), safe }
    },
    leftSafeMode() {
      safe = false
      beginAnew()
    },
  }
}
