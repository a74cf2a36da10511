import { askedThinking, isObject, type AskedThinking, type JsonObject } from '@ccr/sdk'

/**
 * A Chat Completions body with the two switches that servers have for thinking: `thinking` (GLM, Volcengine, Kimi,
 * DeepSeek) and `enable_thinking` (Qwen, SiliconFlow, ModelScope). The very body where nobody says whether to think.
 *
 * `reasoning_effort` goes, since the switch takes its place: Qwen, GLM, SiliconFlow and Volcengine have no such field.
 * Where the client names a budget it is only a guess from that, and beside a switch that is off it says the opposite.
 */
export function withThinking(body: JsonObject, enable: boolean): JsonObject {
  const asked: AskedThinking | undefined = enable ? askedOf(body) : { on: false }
  if (!asked) return body
  const { reasoning_effort: _instead, ...rest } = body
  return { ...rest, thinking: switchOf(asked), enable_thinking: asked.on }
}

/** What the client asks, in the request that the dialect leaves with the body. */
function askedOf({ ccr_request: request }: JsonObject): AskedThinking | undefined {
  return isObject(request) ? askedThinking(request) : undefined
}

function switchOf(asked: AskedThinking): JsonObject {
  if (!asked.on) return { type: 'disabled' }
  return asked.budget === undefined ? { type: 'enabled' } : { type: 'enabled', budget_tokens: asked.budget }
}
