import { changeBody, definePlugin, Type, type JsonObject } from '@ccr/sdk'
import { withParameters } from './merge.ts'

/** Any key but those that are for patches alone and never leave the router. */
const KEY = '^(?!ccr_)'

export default definePlugin({
  name: 'patch-customparams',
  apiVersion: 1,
  description: 'Adds parameters to the body of a request, whatever its protocol.',
  transformers: [{ name: 'customparams' }],
  options: Type.Object({}, { patternProperties: { [KEY]: Type.Unknown() }, additionalProperties: false }),
  activate(ctx) {
    const parameters = ctx.options as JsonObject
    changeBody(ctx, '*', (body) => withParameters(body, parameters))
  },
})
