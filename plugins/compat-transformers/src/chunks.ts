import { isObject, parseObject, readReasoning, signReasoning, type JsonObject } from '@ccr/sdk'

/** The family of reasoning that comes in Chat Completions, and the field in which it goes back. */
const FAMILY = 'openai'
const FIELD = 'reasoning_content'

/**
 * A chunk of an answer as the router reads it. A signature of the transformer's own in its `thinking` becomes one that
 * the router takes and gives back; a number is none, since transformers write the time where a vendor signs nothing.
 *
 * @param isOnly one choice was asked for. It is the first in its chunk, whatever number it has: some number calls as
 * another choice than the text before them.
 */
export function asRead(chunk: JsonObject, provider: string, isOnly: boolean): JsonObject {
  const { choices } = chunk
  if (!Array.isArray(choices)) return chunk
  const read = (choices as readonly unknown[]).map((choice, at) => {
    const own = isOnly && at === 0 && isObject(choice) && choice['index'] ? { ...choice, index: 0 } : choice
    return withSignature(own, provider)
  })
  return read.every((choice, at) => choice === (choices as readonly unknown[])[at])
    ? chunk
    : { ...chunk, choices: read }
}

function withSignature(choice: unknown, provider: string): unknown {
  const delta = isObject(choice) ? choice['delta'] : undefined
  const thinking = isObject(delta) ? delta['thinking'] : undefined
  const signature = isObject(thinking) ? thinking['signature'] : undefined
  if (typeof signature !== 'string' || /^\d*$/.test(signature) || readReasoning(signature)) return choice
  const payload = JSON.stringify({ provider, field: FIELD, legacy: signature })
  const own = { ...(thinking as object), signature: signReasoning({ family: FAMILY, payload }) }
  return { ...(choice as object), delta: { ...(delta as object), thinking: own } }
}

/** The transformer's own signature in one of the router's. */
export function ownSignature(signature: string): string | undefined {
  const own = parseObject(readReasoning(signature)?.payload ?? '')?.['legacy']
  return typeof own === 'string' ? own : undefined
}
