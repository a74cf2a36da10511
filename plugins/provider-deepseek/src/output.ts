/** The fields of a request that bound its answer. */
interface Bounded {
  readonly model: string
  readonly max_tokens?: number | undefined
  readonly max_completion_tokens?: number | undefined
}

/**
 * Models whose answers have 8,192 tokens at most; those of the later ones may have 384,000.
 * Source: https://api-docs.deepseek.com/quick_start/pricing
 */
const SHORT = /^deepseek-(?:chat|coder)$/i
const SHORT_TOKENS = 8192

const FIELDS = ['max_tokens', 'max_completion_tokens'] as const

/** The body, asking for no more than `limit` tokens, or than its model is known to give. */
export function boundOutput<Body extends Bounded>(body: Body, limit: number | undefined): Body {
  const most = limit ?? (SHORT.test(body.model) ? SHORT_TOKENS : Infinity)
  const field = FIELDS.find((name) => typeof body[name] === 'number' && body[name] > most)
  return field === undefined ? body : { ...body, [field]: most }
}
