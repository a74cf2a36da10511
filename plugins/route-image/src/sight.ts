import { matcherOf } from '@ccr/sdk'

/**
 * Names of models that see images by themselves, in lower case. The first line is the list of the fork that routes by
 * family; the second are models made since.
 */
const SEEING = [
  /claude|gemini|gpt-4o|gpt-4\.1|gpt-4-vision|qwen.*vl|glm-4(?:\.\d+)?v|grok.*vision|pixtral|llava/,
  /gpt-5|\bo[34](?:-|$)|grok-4|llama-4|llama.*vision|gemma-?3|internvl|minicpm-v|kimi-vl|nova-(?:lite|pro)|[-.]vl\b/,
]

/** What the user knows of models better than their names tell: patterns in which `*` stands for any text. */
export interface KnownModels {
  readonly visionModels: readonly string[]
  readonly textOnlyModels: readonly string[]
}

/** Clients choose the text; of a longer one the time to match it grows with the square of its length. */
const LONGEST_NAME = 256

/** Says of a model whether it sees images: by what the user knows, or else the first 256 characters of its name. */
export function createSight({ visionModels, textOnlyModels }: KnownModels): (model: string) => boolean {
  const blind = matcherOf(textOnlyModels)
  const seeing = matcherOf(visionModels)
  return (model) => {
    if (blind(model)) return false
    const name = model.slice(0, LONGEST_NAME).toLowerCase()
    return seeing(model) || SEEING.some((pattern) => pattern.test(name))
  }
}
