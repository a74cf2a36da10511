import { codeOf } from '../load/code-of.ts'

/** A start has some 100 files open at once. */
const ENOUGH = 256

/**
 * Why a command failed that may not open as many files as it needs; nothing for an error that has another reason.
 *
 * @param limit how many it may open, where the system has a limit
 */
export function openFilesFault(thrown: unknown, limit = openFilesLimit): string | undefined {
  const code = codeOf(thrown)
  // Node takes a package whose files it cannot open for one that is not there.
  const isShort = code === 'EMFILE' || (code === 'ERR_MODULE_NOT_FOUND' && (limit() ?? ENOUGH) < ENOUGH)
  if (!isShort) return undefined
  const allowed = limit()
  const fact = `this process may not open as many files as it needs${allowed === undefined ? '' : ` (${allowed})`}`
  return `${fact}: ${(thrown as Error).message}. Raise the limit with \`ulimit -n\`.`
}

function openFilesLimit(): number | undefined {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } }
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}
