import { defineTransformer, replayTagged, signTagged, splitTagged, Type } from '@ccr/sdk'

const TAG = 'think'

export default defineTransformer({
  name: 'patch-extrathinktag',
  transformer: 'extrathinktag',
  description: 'Shows as thinking what a model writes between <think> and </think>.',
  dialect: 'canonical',
  options: Type.Object(
    {
      startsInside: Type.Boolean({
        default: false,
        description:
          'The model begins each answer inside its thoughts and writes `</think>` alone, because the prompt holds ' +
          '`<think>`. Its thoughts stream then.',
      }),
      lookAhead: Type.Integer({
        minimum: 0,
        maximum: 1_000_000,
        default: 4000,
        description:
          'Most characters of a streamed answer that are held back, while it has no tag, to find `</think>` alone. ' +
          'An answer that is not streamed is looked at whole.',
      }),
      replay: Type.Boolean({
        default: false,
        description: 'Puts the thoughts of former turns back into the tag for the provider that made them.',
      }),
    },
    { additionalProperties: false },
  ),
  request(body, { options, attempt }) {
    if (!options.replay) return undefined
    const messages = replayTagged(body.messages, { tag: TAG, provider: attempt.target.provider })
    return messages === body.messages ? undefined : { ...body, messages }
  },
  stream({ options: { startsInside, lookAhead: most }, attempt }) {
    const { exchange, target } = attempt
    // Nobody waits for the first word of an answer that is not streamed.
    const lookAhead = exchange.request.stream === true ? most : Infinity
    return splitTagged({ tag: TAG, signature: signTagged(target.provider), startsInside, lookAhead })
  },
})
