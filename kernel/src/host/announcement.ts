import type { Assembly } from '../config/assemble.ts'
import type { Generation } from '../core/generation.ts'
import type { Log } from '../core/log.ts'
import { toFault } from './admin/fault.ts'
import type { Redact } from './log/redact.ts'

/** Logs what a new generation was made without, and what is doubtful about it. */
export function announce(
  log: Log,
  { config, failures, brokenPresets, warnings }: Assembly & { readonly warnings: readonly string[] },
  generation: Generation | undefined,
  redact: Redact,
): void {
  for (const warning of warnings) log.warn({}, warning)
  for (const { name, model, reason, at } of config.disabledProviders) {
    const what = model === undefined ? 'provider' : 'model of a provider'
    log.warn({ provider: name, model, at }, `${what} is disabled: ${reason}`)
  }
  for (const { name, reason, at, servedAsBefore } of brokenPresets)
    log.error({ preset: name, at }, `${servedAsBefore ? 'served as before' : 'left out'}: ${redact(reason)}`)
  for (const { id, error } of failures) log.error({ entry: id, ...toFault(error, redact) }, 'an entry was left out')
  for (const { subject, code, message, at } of generation?.failures ?? [])
    log.error({ subject, code, at }, `left out: ${message}`)
}
