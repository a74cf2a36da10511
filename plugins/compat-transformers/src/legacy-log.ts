import type { PluginLog } from '@ccr/sdk'

/** What transformers are given to log with: a message, or fields and a message. */
export type LegacyLog = Readonly<
  Record<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', (first: unknown, ...rest: readonly unknown[]) => void>
>

/** Longest message, in characters. */
const MAX_LENGTH = 300

/**
 * A log that keeps words of requests and answers out of the router's: the fields, in which transformers put whole
 * bodies, are left out, and so is everything but the first line of a message. What is said at info is for their author.
 */
export function legacyLog(log: PluginLog): LegacyLog {
  const at =
    (level: keyof PluginLog) =>
    (first: unknown, ...rest: readonly unknown[]): void => {
      const said = [first, ...rest].find((one) => typeof one === 'string') ?? messageIn(first) ?? 'a transformer says'
      log[level]({}, String(said).split('\n', 1)[0]!.slice(0, MAX_LENGTH))
    }
  const [debug, error] = [at('debug'), at('error')]
  return { trace: debug, debug, info: debug, warn: at('warn'), error, fatal: error }
}

function messageIn(value: unknown): string | undefined {
  return value instanceof Error ? value.message : undefined
}
