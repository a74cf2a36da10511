import { codeOf } from '../load/code-of.ts'

type Reason = readonly [fact: string, remedy: string]

const DENIED: Reason = ['permission is denied', 'Give your user the right to']
const NO_FOLDER: Reason = ['a file is where a folder should be', 'Move it']
/** What is said of a folder with those above it, where the disk is read-only. */
const UNMADE: Reason = ['it cannot be made, as on a read-only disk', 'Make its folder writable']

/** What the system says of a path that cannot be made, read or changed. */
const REASONS: Readonly<Record<string, Reason | undefined>> = {
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: ['its disk is read-only', 'Make it writable'],
  ENOTDIR: NO_FOLDER,
  EEXIST: NO_FOLDER,
  EISDIR: ['a folder is where a file should be', 'Move it'],
}

/** Why a home cannot be used, and what to do; nothing for an error that has another reason. */
export function homeFault(thrown: unknown, home: string): string | undefined {
  const code = codeOf(thrown) ?? ''
  const { dest, path: from, syscall } = Object(thrown) as Readonly<Record<'dest' | 'path' | 'syscall', unknown>>
  // What a file was to be renamed to says more than what it was called until then.
  const path = dest ?? from
  const isInside = typeof path === 'string' && `${path}/`.startsWith(`${home}/`)
  // Of the folders above it those are made that are not there.
  const isAbove = typeof path === 'string' && syscall === 'mkdir' && `${home}/`.startsWith(`${path}/`)
  // Where a disk is full, what was open does not say where.
  const isFull = (code === 'ENOSPC' || code === 'EDQUOT') && (isInside || isAbove || path === undefined)
  const other = 'or name another folder with CCR_HOME.'
  if (isFull) return `no room is left on the disk of ${home}. Make some, ${other}`
  const reason = code === 'ENOENT' && syscall === 'mkdir' ? UNMADE : REASONS[code]
  if (reason === undefined || !(isInside || isAbove)) return undefined
  return `${path} cannot be used: ${reason[0]}. ${reason[1]}, ${other}`
}
