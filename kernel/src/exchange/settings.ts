export { createSettings, Limits, Timeouts, type Settings } from '@ccr/sdk'
