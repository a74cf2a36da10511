/**
 * Says of a text whether all of it fits one of the patterns, in which `*` stands for any text, whatever the case.
 * Clients choose many of these texts, so this takes a time proportional to them: no place for a part of a pattern is
 * better than the first where it fits, and a regular expression would try them all.
 */
export function matcherOf(patterns: readonly string[]): (text: string) => boolean {
  // In lower case a letter may depend on the one behind it.
  const globs = patterns.map((pattern) => pattern.toUpperCase().split('*'))
  return (text) => {
    const upper = text.toUpperCase()
    return globs.some((parts) => fits(upper, parts))
  }
}

/** Whether a text is these parts with any text between them. */
function fits(text: string, [first = '', ...rest]: readonly string[]): boolean {
  const last = rest.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return text.length - at >= last.length && text.endsWith(last)
}
