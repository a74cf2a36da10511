import { EXIT } from './exit-codes.ts'
import { homeFault } from './home-fault.ts'
import { openFilesFault } from './open-files.ts'

/** How a failed command is told to the user. */
export interface CommandFailure {
  readonly lines: readonly string[]
  readonly exitCode: number
}

/**
 * The lines on stderr and the exit code for anything that a command threw.
 *
 * @param home of the command
 */
export function describeFailure(thrown: unknown, home: string): CommandFailure {
  const known = homeFault(thrown, home) ?? openFilesFault(thrown)
  const message = known ?? (thrown instanceof Error ? thrown.message : String(thrown))
  // Read by shape: importing the SDK for its type guard would load its schemas for one comparison of a name.
  const { code, at } = Object(thrown) as { readonly code?: unknown; readonly at?: unknown }
  const hasPlace = typeof at === 'string'
  const lines = withPlace(`ccr: ${message}`, hasPlace ? at : undefined)
  return { lines, exitCode: exitCodeOf(typeof code === 'string' ? code : '', hasPlace) }
}

/** What is wrong, and under it where, unless it says so itself. */
export function withPlace(text: string, at: string | undefined): readonly string[] {
  return at === undefined || text.includes(at) ? [text] : [text, `  at ${at}`]
}

/** A config can be used although a command could not change it. */
const UNCHANGED: readonly string[] = ['CCR_CONFIG_EDIT', 'CCR_CONFIG_STALE']

function exitCodeOf(code: string, hasPlace: boolean): number {
  // The name of a plugin that stands in no file was an argument.
  if (UNCHANGED.includes(code) || (code === 'CCR_PLUGIN_UNKNOWN' && !hasPlace)) return EXIT.failed
  const isConfigFault = code.startsWith('CCR_CONFIG_') || code.startsWith('CCR_PLUGIN_') || code === 'CCR_HOST_BIND'
  return isConfigFault ? EXIT.config : EXIT.failed
}
