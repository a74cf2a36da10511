import { CcrError } from '@ccr/sdk'
import { Cancellation, settle } from '@ccr/sdk/kernel'
import type { BuildFailure, BuildOptions, BuildResult } from 'esbuild'

/** The longest that one build may take, in milliseconds. */
const BUILD_MS = 30_000

/** How often a build is begun that ended with the process of esbuild, and not by its own fault. */
const ATTEMPTS = 3

/** The process of esbuild that builds now; aborted when another takes its place. Any number of builds wait for it. */
let service = new Cancellation()

/**
 * Builds in the process of esbuild, off the event loop. That process does not keep this one alive; when it dies, or
 * does not finish a build in time, another one is started.
 *
 * @throws BuildFailure when the code is at fault; CcrError `CCR_PLUGIN_LOAD` after `limitMs`
 */
export async function runBuild(
  options: BuildOptions & { readonly write: false },
  limitMs = BUILD_MS,
): Promise<BuildResult<{ write: false }>> {
  const { build, stop } = await import('esbuild')
  for (let attempt = 1; ; attempt++) {
    const used = service
    try {
      return await settle(
        onOneThread(() => build(options)),
        limitMs,
        used,
        () => late(limitMs),
      )
    } catch (thrown) {
      if (isBuildFailure(thrown)) throw thrown
      replace(used, stop)
      if (thrown instanceof CcrError || attempt === ATTEMPTS) throw thrown
    }
  }
}

/**
 * Its process is started by the first build, with the environment of that moment. On a small machine more threads of it
 * would stand in the way of running streams; a plugin takes it as long with one (a swap took 23 ms at the median, with
 * as many as there are 27 ms; two cores).
 */
function onOneThread<Result>(begin: () => Result): Result {
  const given = process.env['GOMAXPROCS']
  if (given !== undefined) return begin()
  process.env['GOMAXPROCS'] = '1'
  try {
    return begin()
  } finally {
    delete process.env['GOMAXPROCS']
  }
}

/** Whether esbuild refused the code. */
export function isBuildFailure(thrown: unknown): thrown is BuildFailure {
  return thrown instanceof Error && 'errors' in thrown && Array.isArray(thrown.errors)
}

/** Of several builds that failed together, the first one replaces the process. */
function replace(used: Cancellation, stop: () => Promise<void>): void {
  if (service !== used) return
  service = new Cancellation()
  // Without this esbuild goes on talking to a process that has died. It forgets it before this call returns.
  void stop()
  used.abort(new Error('the process of esbuild was replaced'))
}

function late(limitMs: number): CcrError {
  const fact = `the build did not end within ${limitMs} ms`
  return new CcrError('CCR_PLUGIN_LOAD', `${fact}. Look for an imported file that cannot be read to its end.`)
}
