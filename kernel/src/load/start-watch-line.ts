/** What is said on stderr of code that a start waits for. */
export function waitsLine(name: string, patienceMs: number): string {
  return `ccr: ${name} has run for ${patienceMs / 1000} s, and the start waits for it. Look for a loop there.\n`
}

/** The code of which a line of stderr says that. */
export function waitedFor(line: string): string | undefined {
  return /^ccr: (.+) has run for \d+ s, and the start waits for it\. /.exec(line)?.[1]
}
