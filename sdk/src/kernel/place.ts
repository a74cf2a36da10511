import { fileURLToPath } from 'node:url'
import { messageOf } from '../errors.ts'

/**
 * The first place in the stack of a thrown value that lies in one of these files, or below one of these folders, as
 * `file:line:column`; nothing when there is none. Paths are absolute, folders without a separator at the end.
 */
export function placeOf(thrown: unknown, paths: readonly string[]): string | undefined {
  for (const line of stackOf(thrown).split('\n')) {
    const [, frame = '', position] = /^\s*at (.*)(:\d+:\d+)\)?$/.exec(line) ?? []
    const location = withoutUrl(frame)
    for (const path of paths) {
      const file = fileIn(location, path)
      if (file !== undefined) return `${file}${position}`
    }
  }
  return undefined
}

/** What begins like an absolute path: in quotes, where it may hold blanks, or by itself. */
const PATH = new RegExp(
  /(?<=(['"`]))(?:file:\/\/|[A-Za-z]:)?[\\/][^'"`\r\n]*(?=\1)/.source +
    /|(?<![\w./:\\])(?:file:\/\/|[A-Za-z]:)?[\\/][^\s'"`()[\]{}<>]*/.source,
  'g',
)
/** What machines have, not a place in a request: a URL, a drive, a share, a usual folder or a file's extension. */
const FILE =
  /^(?:file:|[A-Za-z]:|\\|\/(?:Users|etc|home|mnt|opt|private|root|srv|tmp|usr|var)\/)|\.[A-Za-z]\w{0,4}(?::\d+)*$/

/** What an exception says, for a client: files without their folders. */
export function factOf(thrown: unknown): string {
  return messageOf(thrown).replace(PATH, (path) => (FILE.test(path) ? path.split(/[\\/]/).at(-1)! : path))
}

/** The file at the end of a frame, when it is this one or lies below this folder. */
function fileIn(location: string, path: string): string | undefined {
  if (path === '') return undefined
  for (let start = location.indexOf(path); start >= 0; start = location.indexOf(path, start + 1)) {
    const rest = location.slice(start + path.length)
    if (/^$|[ (]$/.test(location.slice(0, start)) && /^$|^[\\/]/.test(rest)) return path + rest
  }
  return undefined
}

function stackOf(thrown: unknown): string {
  try {
    const stack: unknown = thrown instanceof Error ? thrown.stack : undefined
    return typeof stack === 'string' ? stack : ''
  } catch {
    // A plugin may have thrown anything, an error with a faulty getter included.
    return ''
  }
}

/** ES modules are named by URL. */
function withoutUrl(frame: string): string {
  const start = frame.indexOf('file://')
  if (start < 0) return frame
  try {
    return frame.slice(0, start) + fileURLToPath(frame.slice(start))
  } catch {
    return frame
  }
}
