import { isObject, parseObject, readReasoning, signReasoning, type JsonObject } from '@ccr/sdk'

/** The family of reasoning that comes in Chat Completions, and the field in which it goes back. */
const FAMILY = 'openai'
const FIELD = 'reasoning_content'

/**
 * A chunk of an answer, in whose `thinking` a signature of the transformer's own is one that the router takes and gives
 * back. A number is none: transformers write the time where a vendor signs nothing.
 */
export function withSignature(chunk: JsonObject, provider: string): JsonObject {
  const { choices } = chunk
  if (!Array.isArray(choices)) return chunk
  const signed = (choices as readonly unknown[]).map((choice) => {
    const delta = isObject(choice) ? choice['delta'] : undefined
    const thinking = isObject(delta) ? delta['thinking'] : undefined
    const signature = isObject(thinking) ? thinking['signature'] : undefined
    if (typeof signature !== 'string' || /^\d*$/.test(signature) || readReasoning(signature)) return choice
    const payload = JSON.stringify({ provider, field: FIELD, legacy: signature })
    const own = { ...(thinking as object), signature: signReasoning({ family: FAMILY, payload }) }
    return { ...(choice as object), delta: { ...(delta as object), thinking: own } }
  })
  return signed.every((choice, at) => choice === (choices as readonly unknown[])[at])
    ? chunk
    : { ...chunk, choices: signed }
}

/** The transformer's own signature in one of the router's. */
export function ownSignature(signature: string): string | undefined {
  const own = parseObject(readReasoning(signature)?.payload ?? '')?.['legacy']
  return typeof own === 'string' ? own : undefined
}
