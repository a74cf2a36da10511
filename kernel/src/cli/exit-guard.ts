import { EXIT } from './exit-codes.ts'

/**
 * Runs what may run a plugin's code in this process: when that ends the process, with whatever code, the command has
 * failed and says so.
 *
 * @param untouched what is as it was
 */
export async function withExitGuard<Result>(untouched: string, run: () => Promise<Result>): Promise<Result> {
  const ended = (): void => {
    process.stderr.write(`ccr: a plugin ended the process while it was loaded; ${untouched} as it was\n`)
    process.exitCode = EXIT.failed
  }
  process.once('exit', ended)
  try {
    return await run()
  } finally {
    process.off('exit', ended)
  }
}
