/** Which rules a model follows, by its name; of an unknown name the newest. */
export interface ModelTraits {
  /** Demands the signature of function calls, takes levels of thinking, and media inside of function results. */
  readonly isThird: boolean
  /** Can think at all. */
  readonly thinks: boolean
  /** Cannot be told not to think, and has another range of budgets. */
  readonly isPro: boolean
  readonly isLite: boolean
  /** Most tokens of an answer: more is refused, and could not be had. */
  readonly maxOutput: number
}

/** Reads a model's name, such as `gemini-2.5-flash-lite` or `models/gemini-3-pro-preview`. */
export function traitsOf(model: string): ModelTraits {
  const name = model.toLowerCase()
  const isGemini = name.includes('gemini')
  const version = /gemini-(\d+)(?:\.(\d+))?/.exec(name)
  const major = version ? Number(version[1]) : Infinity
  const isOld = major < 2 || (major === 2 && Number(version![2] ?? 0) < 5)
  return {
    isThird: isGemini && major >= 3,
    thinks: isGemini && !isOld,
    isPro: /\bpro\b/.test(name),
    isLite: name.includes('lite'),
    maxOutput: !isGemini || !version || major > 3 ? Infinity : isOld ? 8192 : 65_536,
  }
}
