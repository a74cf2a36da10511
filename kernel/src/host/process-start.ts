import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * When a process started, in words that only compare for equality; nothing when no such process runs. With its id it
 * names a process for good, because ids are used again.
 */
export function processStart(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      // The command's name is in parentheses and may hold anything; state is the first field behind it, start the 20th.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' ? undefined : fields[19]
    }
    process.kill(pid, 0)
    if (process.platform === 'win32') return 'unknown'
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'latin1', timeout: 5_000 }).trim() ||
      undefined
    )
  } catch {
    return undefined
  }
}
