import { definePlugin, offering, Type } from '@ccr/sdk'
import { AttributionOptions, attributionHeaders } from './attribution.ts'
import { OwnCallIds } from './call-ids.ts'
import type { ChatBody } from './chat-body.ts'
import { toOpenRouter } from './request.ts'

const DIALECT = 'openai'

export default definePlugin({
  name: 'provider-openrouter',
  apiVersion: 1,
  description: 'Asks gateways to reason, to cache and to choose providers in the fields that OpenRouter has for it.',
  transformers: [{ name: 'openrouter', aliases: ['vercel'] }],
  options: Type.Object(
    { attribution: Type.Optional(AttributionOptions) },
    {
      additionalProperties: Type.Unknown({
        description: 'A field of the request by its name, such as `provider`; it replaces what the request says.',
      }),
    },
  ),
  activate(ctx) {
    // The schema lets all other keys pass.
    const { attribution, ...fields } = ctx.options as typeof ctx.options & Readonly<Record<string, unknown>>
    const headers = attribution && attributionHeaders(attribution)
    // That reasoning cannot be turned off says nothing of how much there may be.
    const offers = offering(ctx, { off: /\breasoning\b/i, reasoning: /\breasoning\b/i, cache_control: /cache_control/ })
    ctx.on(
      'transformRequest',
      (outbound, attempt) => {
        // The stage and the dialect say what the body is.
        const body = toOpenRouter(outbound.body as ChatBody, (part) => offers(part, attempt))
        const patched = { ...outbound, body: { ...body, ...fields } }
        return headers ? { ...patched, headers: { ...outbound.headers, ...headers } } : patched
      },
      { stage: 'wire', dialect: DIALECT },
    )
    ctx.on('transformStream', (stream, { exchange }) => {
      if (stream.dialect === DIALECT) stream.pipe('wire', new OwnCallIds((prefix) => exchange.newId(prefix)))
    })
  },
})
