import type { SafeMode } from '../../host/safe-mode.ts'
import { waitedFor } from '../../load/start-watch-line.ts'

/** What a router tells its supervisor. */
export type SupervisedMessage =
  /** Its event loop turns. */
  | { readonly type: 'alive' }
  /** It ends on purpose. */
  | { readonly type: 'ending' }
  /** Third-party plugins are in use again. */
  | { readonly type: 'safe-mode-left' }

/** So often within the limit a router says that it is alive. */
export const BEATS = 4

const BLOCKED_MS = 10_000

/** After how long without a sign of life a router counts as blocked, in milliseconds; 0 for never. */
export function blockedAfterMs(env: NodeJS.ProcessEnv): number {
  const given = Number(env['CCR_BLOCKED_MS'] || BLOCKED_MS)
  return Number.isFinite(given) && given >= 0 ? given : BLOCKED_MS
}

/** What the environment of a router in safe mode says. */
export function toEnvironment(safe: SafeMode | undefined): NodeJS.ProcessEnv {
  return safe === undefined ? {} : { CCR_SAFE_MODE: JSON.stringify(safe) }
}

/** Why this router is to start in safe mode; nothing when it is not. */
export function safeModeIn(env: NodeJS.ProcessEnv): SafeMode | undefined {
  const text = env['CCR_SAFE_MODE']
  if (!text) return undefined
  try {
    const { why, suspect } = Object(JSON.parse(text)) as Readonly<Record<string, unknown>>
    return { why: String(why), suspect: typeof suspect === 'string' ? suspect : undefined }
  } catch {
    return { why: text }
  }
}

const SUSPECT = 'ccr: suspect: '

/** The line on stderr by which a router that ends says whose fault that is. */
export function suspectLine(suspect: string): string {
  return `${SUSPECT}${suspect}\n`
}

/** The suspect that a router named on stderr; also the code that its start waited for, where that was `stuck`. */
export function suspectIn(stderr: string, stuck = false): string | undefined {
  const named = stderr
    .split('\n')
    .map((line) => (line.startsWith(SUSPECT) ? line.slice(SUSPECT.length) : stuck ? waitedFor(line) : undefined))
  return named.findLast((suspect) => suspect !== undefined)
}

/** The router's side of the channel to its supervisor; without one it does nothing. */
export class SupervisorLink {
  readonly #process: NodeJS.Process
  #beat: NodeJS.Timeout | undefined
  #isFailing = false

  constructor(target: NodeJS.Process = process) {
    this.#process = target
  }

  tell(message: SupervisedMessage): void {
    if (this.#isFailing) return
    // A supervisor that has just ended is nothing to fail for.
    if (this.#process.connected) this.#process.send?.(message, undefined, undefined, () => undefined)
  }

  /** Nothing is told any more: however the process ends, it is a crash. */
  fail(): void {
    clearInterval(this.#beat)
    this.#isFailing = true
  }

  /** Says again and again that the event loop turns. */
  start(limitMs: number): void {
    if (limitMs === 0 || !this.#process.connected) return
    this.tell({ type: 'alive' })
    this.#beat = setInterval(() => this.tell({ type: 'alive' }), limitMs / BEATS)
    this.#beat.unref()
  }
}
