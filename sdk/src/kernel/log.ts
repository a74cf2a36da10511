import type { PluginLog } from '../plugin.ts'

/** A log that adds fields to every line of another. */
export function withFields(log: PluginLog, fields: object): PluginLog {
  return {
    debug: (more, message) => log.debug({ ...fields, ...more }, message),
    info: (more, message) => log.info({ ...fields, ...more }, message),
    warn: (more, message) => log.warn({ ...fields, ...more }, message),
    error: (more, message) => log.error({ ...fields, ...more }, message),
  }
}
