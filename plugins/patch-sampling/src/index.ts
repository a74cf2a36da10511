import { changeBody, definePlugin, limitOutput, Type, type JsonObject } from '@ccr/sdk'

export default definePlugin({
  name: 'patch-sampling',
  apiVersion: 1,
  description: 'Sets how a model chooses its words.',
  transformers: [{ name: 'sampling' }],
  options: Type.Object(
    {
      max_tokens: Type.Optional(Type.Integer({ minimum: 1, description: 'Most tokens of an answer.' })),
      temperature: Type.Optional(Type.Number({ minimum: 0, description: 'Replaces what the client asks for.' })),
      top_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'Replaces what the client asks for.' })),
      top_k: Type.Optional(
        Type.Integer({ description: 'Replaces what the client asks for; Chat Completions servers are sent it too.' }),
      ),
      repetition_penalty: Type.Optional(
        Type.Number({ minimum: 0, description: 'For Chat Completions servers; no other protocol has it.' }),
      ),
    },
    { additionalProperties: false },
  ),
  activate(ctx) {
    const { max_tokens: most = Infinity, repetition_penalty, ...canonical } = ctx.options
    changeBody(ctx, 'canonical', (request) => overwritten(limitOutput(request, most), canonical))
    // The protocol has neither, so its dialect sends neither; many servers that speak it read both.
    const { top_k } = canonical
    changeBody(ctx, 'openai', (body) => overwritten(body, { top_k, repetition_penalty }))
  },
})

/** The body with these values in place of its own; the very body where they say nothing else. */
function overwritten(body: JsonObject, values: JsonObject): JsonObject {
  const news = Object.entries(values).filter(([key, value]) => value !== undefined && body[key] !== value)
  return news.length === 0 ? body : { ...body, ...Object.fromEntries(news) }
}
