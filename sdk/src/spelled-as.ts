/** The known name that a user means by what is written, found without regard to case; nothing when there is none. */
export function spelledAs(written: string, known: readonly string[]): string | undefined {
  if (known.includes(written)) return written
  const lower = written.toLowerCase()
  return known.find((name) => name.toLowerCase() === lower)
}
