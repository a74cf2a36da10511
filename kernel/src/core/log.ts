import type { PluginLog } from '@ccr/sdk'

/** The log the kernel writes to; one event a line, without bodies and secrets. */
export type Log = PluginLog

/** A log that adds fields to every line of another. */
export function withFields(log: Log, fields: object): Log {
  return {
    debug: (more, message) => log.debug({ ...fields, ...more }, message),
    info: (more, message) => log.info({ ...fields, ...more }, message),
    warn: (more, message) => log.warn({ ...fields, ...more }, message),
    error: (more, message) => log.error({ ...fields, ...more }, message),
  }
}
