#!/usr/bin/env node
import { withoutEscapes } from '../config/presets/shown-text.ts'
import { createContext, homeOf, readVersion } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { describeFailure } from './failure.ts'
import { assumeWidth } from './terminal.ts'

// A reader that has left (`ccr start | head -1`) must not end a router.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
process.stdout.once('error', failForLackOfSpace)
assumeWidth(process.stdout)

process.exitCode = await run(process.argv.slice(2))

/** Commands are imported when they are called: what only prints loads no more than it prints. */
async function run(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args
  try {
    if (command === '-v' || command === '--version' || command === 'version') {
      process.stdout.write(`ccr ${readVersion()}\n`)
      return 0
    }
    const context = createContext({ ...process.env })
    // Before the parser sees them: these arguments belong to Claude Code, `--` and `--help` included.
    if (command === 'code') return await (await import('./code/code.ts')).code(context, rest)
    return await (await import('./program.ts')).runProgram(context, args)
  } catch (error) {
    const failure = describeFailure(error, homeOf(process.env))
    process.stderr.write(`${withoutEscapes(failure.lines.join('\n'))}\n`)
    return failure.exitCode
  }
}

/** A result that stands in its file in part is none. */
function failForLackOfSpace({ code }: NodeJS.ErrnoException): void {
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') return
  process.stderr.write(`ccr: the output could not be written: ${code}\n`)
  process.once('exit', () => (process.exitCode ||= EXIT.failed))
}
