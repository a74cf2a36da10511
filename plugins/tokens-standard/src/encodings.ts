import type { Target, TextTokenizer } from '@ccr/sdk'
import type { EncodingName } from './standard-counter.ts'
import { CL100K_WEIGHTS, O200K_WEIGHTS, type TextWeights } from './text-estimate.ts'

/** The standard encodings. */
export const ENCODINGS: readonly EncodingName[] = ['cl100k_base', 'o200k_base', 'p50k_base', 'r50k_base']

/** The longest token of each of them: 128 bytes, which are spaces. */
const MAX_TOKEN_BYTES = 128

/** Models known to use the larger encoding, whatever stands before their name. Source: OpenAI's model pages. */
const O200K_MODELS = /(?:^|[/:])(?:chatgpt-4o|gpt-4o|gpt-4\.[1-9]|gpt-[5-9]|gpt-oss|codex|o[1-9](?:-|$))/i

/** Whether a text names one of the {@link ENCODINGS}. */
export function isEncoding(name: unknown): name is EncodingName {
  return ENCODINGS.some((encoding) => encoding === name)
}

/** The encoding that a model is known to use. */
export function knownEncoding({ model }: Target): EncodingName | undefined {
  return O200K_MODELS.test(model) ? 'o200k_base' : undefined
}

/** A standard encoding as a tokenizer. @param module where the compiled counter is */
export function standardTokenizer(encoding: EncodingName, module: string): TextTokenizer {
  return { name: encoding, matches: () => true, module, data: { encoding }, maxTokenBytes: MAX_TOKEN_BYTES }
}

/** The weights with which texts are estimated for a tokenizer. */
export function weightsOf(tokenizer: TextTokenizer): TextWeights {
  return tokenizer.name === 'o200k_base' ? O200K_WEIGHTS : CL100K_WEIGHTS
}
