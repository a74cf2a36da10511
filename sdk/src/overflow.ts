/** What is said of a prompt that does not fit, in tokens; each number where the upstream says it. */
interface Overflow {
  readonly prompt?: number | undefined
  readonly limit?: number | undefined
  /** Tokens asked for the answer, where they are what does not fit. */
  readonly answer?: number | undefined
}

const NUMBER = '\\d+(?:,\\d{3})*'
const N = `(?:about )?(?<prompt>${NUMBER})`
const M = `(?<limit>${NUMBER})`

/** How upstreams word it when they say both numbers; the first that matches counts. */
const WORDINGS: readonly RegExp[] = [
  // Anthropic's own words, from a gateway.
  `prompt is too long: ${N} tokens > ${M}`,
  // vLLM, and others that took its words: the prompt alone may fit.
  `maximum context length is ${M} tokens.{0,80}?${N} (?:in the messages|of text input|input tokens).{0,80}?` +
    `(?<answer>${NUMBER}) in the (?:completion|output)`,
  `is too large: (?<answer>${NUMBER})\\..{0,40}?maximum context length is ${M} tokens.{0,40}?has ${N} input tokens`,
  `maximum context length is ${M} tokens.{0,120}?(?:requested|resulted in|has|total of|contains?) ${N}`,
  // SGLang.
  `maximum context length of ${M} tokens.{0,80}?${N} tokens from the input.{0,20}?(?<answer>${NUMBER}) tokens for`,
  // llama-server, SGLang.
  `\\(${N} tokens\\).{0,80}?(?:context size|context length) \\(${M} tokens\\)`,
  // xAI.
  `maximum prompt length is ${M}.{0,60}?${N} tokens`,
  // Mistral.
  `${N} tokens.{0,60}?${M} maximum context length`,
  // vLLM.
  `prompt \\((?:total )?length ${N}\\).{0,60}?(?:maximum model length|context length) of ${M}`,
  // Fireworks.
  `prompt is too long: ${N}, model maximum context length: ${M}`,
  // Cerebras.
  `current length is ${N} while limit is ${M}`,
  // Moonshot.
  `exceeded model token limit: ${M} \\(requested: ${N}\\)`,
  // GitHub Copilot.
  `prompt token count of ${N} exceeds the limit of ${M}`,
  // Text Generation Inference.
  `must be <= ${M}\\. given: ${N}(?: .?inputs.? tokens and (?<answer>${NUMBER}))?`,
  // Cohere.
  `cannot exceed ${M} - received ${N}`,
  // Gemini.
  `input token count (?:\\(${N}\\) )?exceeds the maximum number of tokens allowed \\(?${M}`,
  `input token count is ${N} but (?:the )?model only supports up to ${M}`,
].map((wording) => new RegExp(wording, 'is'))

/** Words that mean an overflow whatever numbers stand beside them. */
const OVERFLOW = new RegExp(
  [
    'prompt (?:is )?too long|input is too long|prompt exceeds max length|range of input length',
    '(?:exceed|longer than|larger than|beyond|greater than).{0,60}\\bcontext (?:length|size|window|limit)',
    '\\bcontext (?:length|size|window) (?:exceed|overflow|limit exceed)|context[ _]window[ _]exceed',
    'maximum (?:context|prompt|model) length|exceeded model token limit|too many tokens(?! per)',
    'reduce the length of the messages',
    'must be <= \\d+\\. given: \\d+ `?inputs',
    'prompt token count of \\d+ exceeds|input token count.{0,40}(?:exceeds|only supports)',
  ].join('|'),
  'is',
)

/** The words that clients know; a message that begins with them stays as it is. */
const CANONICAL = new RegExp(
  [
    '^prompt is too long: \\d+ tokens > \\d+ maximum',
    '^input length and `max_tokens` exceed context limit: \\d+ \\+ \\d+ > \\d+',
  ].join('|'),
)

const CODES = /context_length_exceeded|exceed_context_size|context_window_exceeded|model_max_prompt_tokens_exceeded/

/**
 * The message of a context overflow in the words that Claude Code recognises (`prompt is too long: N tokens > M
 * maximum`, after which it compacts), with the upstream's own behind them; nothing when the error is another one.
 *
 * @param error what the upstream says beside its message: its type or code, and numbers in fields of their own
 */
export function overflowMessage(message: string, error: Readonly<Record<string, unknown>>): string | undefined {
  if (CANONICAL.test(message)) return message
  const words = [error['type'], error['code']].filter((word) => typeof word === 'string').join(' ')
  if (!CODES.test(words) && !OVERFLOW.test(message)) return undefined
  const { prompt, limit, answer } = numbersOf(message, error)
  const said = message === '' ? '' : ` (the provider said: ${message})`
  if (prompt === undefined || limit === undefined) return `prompt is too long${said}`
  // The prompt fits, its answer would not: for these words the client asks again with a shorter answer.
  if (answer !== undefined && prompt <= limit)
    return `input length and \`max_tokens\` exceed context limit: ${prompt} + ${answer} > ${limit}${said}`
  return `prompt is too long: ${prompt} tokens > ${limit} maximum${said}`
}

/** Longest part of a message that is searched for numbers: a row of digits costs as much as its square. */
const SEARCHED = 2000

function numbersOf(message: string, error: Readonly<Record<string, unknown>>): Overflow {
  const { n_prompt_tokens: prompt, n_ctx: limit } = error
  if (typeof prompt === 'number' && typeof limit === 'number') return { prompt, limit }
  const start = message.slice(0, SEARCHED)
  for (const wording of WORDINGS) {
    const groups = wording.exec(start)?.groups
    if (!groups) continue
    const { prompt, limit, answer } = groups
    return { prompt: toNumber(prompt), limit: toNumber(limit), answer: toNumber(answer) }
  }
  return {}
}

function toNumber(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits.replaceAll(',', ''))
}

/** Whether a message says, in the words of {@link overflowMessage}, that a prompt does not fit. */
export function isOverflow(message: string): boolean {
  return /\bprompt is too long\b|\binput length and `max_tokens` exceed context limit\b/.test(message)
}
