import type { Claim } from './instance.ts'

/** How often it is looked whether the home still says who runs in it. */
const LOOK_MS = 2_000

/**
 * Tells a home again who runs in it whenever what said so was removed: else a router whose home was deleted and made
 * anew would serve its config, and no command could find or stop it.
 *
 * @param announce writes what commands read
 * @returns ends it
 */
export function stayPresent(claim: Pick<Claim, 'renew'>, announce: () => Promise<void>): () => void {
  const look = async (): Promise<void> => {
    if (await claim.renew()) await announce()
  }
  // What cannot be written now is tried again with the next look.
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_MS).unref()
  return () => clearInterval(timer)
}
