import type { Claim } from './instance.ts'

/** How often it is looked whether the home still says who runs in it. */
const LOOK_MS = 2_000

/**
 * Tells a home again who runs in it whenever what said so was removed: else a router whose home was deleted and made
 * anew would serve its config, and no command could find or stop it.
 *
 * @param keep sees to what commands read; it is told whether the home was claimed again, and all of it is gone
 * @returns ends it; nothing is written behind that
 */
export function stayPresent(
  claim: Pick<Claim, 'renew'>,
  keep: (renewed: boolean) => Promise<void>,
): () => Promise<void> {
  const look = async (): Promise<void> => {
    const state = await claim.renew()
    if (state !== 'lost') await keep(state === 'renewed')
  }
  let looking: Promise<void> | undefined
  const timer = setInterval(() => {
    // What cannot be written now is tried again with the next look.
    looking ??= look()
      .catch(() => undefined)
      .finally(() => (looking = undefined))
  }, LOOK_MS).unref()
  return async () => {
    clearInterval(timer)
    await looking
  }
}
