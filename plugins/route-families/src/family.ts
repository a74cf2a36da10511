/** A model name, looked at for its family. */
export interface ModelName {
  /** Without provider, vendor, tag and the mark of a window of one million tokens; in lower case. */
  readonly bare: string
  /** The family it belongs to, of those that were asked for. */
  readonly family?: string | undefined
}

/** The mark of a window of one million tokens, also where it was cut off: it allows a size, and says nothing of one. */
const WINDOW_MARK = /\[1m\]?/g

/** Reads a model name as clients send it, such as `anthropic/claude-opus-4-1-20250805` or `ccr-sonnet[1m]`. */
export function readModelName(model: string, families: readonly string[]): ModelName {
  const segment = model.slice(model.lastIndexOf(',') + 1)
  const name = segment.slice(segment.lastIndexOf('/') + 1)
  const bare = name.split(':', 1)[0]!.toLowerCase().replace(WINDOW_MARK, '').trim()
  return { bare, family: families.find((family) => belongs(bare, family.toLowerCase())) }
}

function belongs(bare: string, family: string): boolean {
  if (bare === family || bare === `ccr-${family}` || bare === `${family}plan`) return true
  const start = bare.indexOf('claude-')
  if (start < 0) return false
  const rest = bare.slice(start + 'claude-'.length).replace(/^\d+-(?:\d+-)?/, '')
  return rest === family || rest.startsWith(`${family}-`)
}
