import type { PluginLog } from '@ccr/sdk'

/** The log the kernel writes to; one event a line, without bodies and secrets. */
export type Log = PluginLog
