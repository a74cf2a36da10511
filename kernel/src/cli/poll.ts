import { setTimeout as sleep } from 'node:timers/promises'

/** Asks until the answer is not `undefined`, or gives `undefined` when the deadline has passed. Asks at least once. */
export async function poll<Answer>(
  ask: () => Promise<Answer | undefined> | Answer | undefined,
  options: { readonly deadlineMs: number; readonly intervalMs?: number },
): Promise<Answer | undefined> {
  const until = performance.now() + options.deadlineMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() >= until) return undefined
    await sleep(options.intervalMs ?? 50)
  }
}
