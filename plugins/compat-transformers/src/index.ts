import { definePlugin, transformerFiles, Type } from '@ccr/sdk'
import { adaptClass } from './adapt.ts'

export default definePlugin({
  name: 'compat-transformers',
  apiVersion: 1,
  description: 'Takes the transformer classes of Claude Code Router as they are.',
  config: {
    transformers: Type.Optional(
      transformerFiles('Files whose transformers `transformer.use` may name: `{ path, options }` each.'),
    ),
  },
  adapt: adaptClass,
  // It works through what it adapts.
  activate: () => undefined,
})
