import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

const code = { file: 'router.js', hash: '1', exported: () => 'conformance,model', config: {}, placeOf: () => undefined }

describePlugin(
  plugin,
  { sections: { CUSTOM_ROUTER_PATH: code }, invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }] },
  { describe, it },
)
