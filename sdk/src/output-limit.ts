/** The trait of a target whose answers have so many tokens at most: whoever asks for more is refused. */
export type OutputLimit = `at_most_${number}`

const PREFIX = 'at_most_'

/** How servers name what was asked for, somewhat before the most that there is; what is said of a minute is none. */
const FIELD = '\\bmax(?:imum)?[ _]?(?:completion|output|new)?[ _]?tokens\\b(?! per).{0,100}?'

/** No target gives so few: a lower number is that of another field, which stands in the same sentence. */
const LEAST = 256

const N = '`?(\\d+(?:,\\d{3})*)'

/** How they word the most that there is; the first that matches counts. */
const WORDINGS: readonly RegExp[] = [
  // Anthropic.
  `\\d > ${N}, which is the maximum`,
  // OpenAI.
  `at most ${N}`,
  // DeepSeek, DashScope.
  `\\[\\d+, ?${N}\\]`,
  // Groq, and servers that check requests against a schema.
  `(?:less than or equal to|<=) ${N}`,
  // Bedrock.
  `limit of ${N}`,
  // vLLM.
  `cannot be greater than (?:\\w+=)*${N}`,
].map((wording) => new RegExp(FIELD + wording, 'is'))

/** Vertex names the first number that is too high. */
const EXCLUSIVE = new RegExp(`${FIELD}to ${N} \\(exclusive\\)`, 'is')

/**
 * The trait that a refusal shows: the answer may have so many tokens at most, and more were asked for. Nothing where
 * the refusal says something else, or nothing lower than what is `known`.
 */
export function outputLimitOf(said: string, known: ReadonlySet<string>): OutputLimit | undefined {
  const beyond = numberIn(EXCLUSIVE, said)
  const most = beyond === undefined ? WORDINGS.map((wording) => numberIn(wording, said)) : [beyond - 1]
  const limit = most.find((number) => number !== undefined && number >= LEAST)
  return limit !== undefined && limit < fitOutput(Infinity, known) ? `${PREFIX}${limit}` : undefined
}

/** The tokens to ask for: those that the client did, or as many as a target with these traits gives. */
export function fitOutput(asked: number, refused: ReadonlySet<string>): number {
  let most = asked
  for (const trait of refused) if (trait.startsWith(PREFIX)) most = Math.min(most, Number(trait.slice(PREFIX.length)))
  return most
}

function numberIn(wording: RegExp, said: string): number | undefined {
  const digits = wording.exec(said)?.[1]
  return digits === undefined ? undefined : Number(digits.replaceAll(',', ''))
}
