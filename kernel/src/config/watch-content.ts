import { createHash } from 'node:crypto'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, sep } from 'node:path'
import { codeOf } from '../load/code-of.ts'
import { MAX_CONFIG_BYTES } from './source.ts'

/** What stood at a path, as a text that is equal only when it was the same file with the same content. */
export type Content = string

/** What stood at each path. */
export type Contents = ReadonlyMap<string, Content>

/** Dates of files may be this coarse: a change that follows another faster can leave every date as it was. */
const COARSE_DATE_MS = 2_000

/** How far the clock of a local file system may be behind. */
const CLOCK_TICK_MS = 20

const ABSENT = '\0absent'
const EMPTY = '\0empty'

interface Known {
  readonly signature: string
  readonly content: Content
  /** The dates of the file were old enough to tell the next change. */
  readonly settled: boolean
}

/** Tells what stands at paths; a file is read again only when its dates or its size say that it may be another. */
export class ContentReader {
  readonly #known = new Map<string, Known>()

  /** The contents of these paths; what is known of any other is forgotten. */
  async read(paths: Iterable<string>): Promise<Contents> {
    const wanted = new Set(paths)
    for (const path of this.#known.keys()) if (!wanted.has(path)) this.#known.delete(path)
    return new Map(await Promise.all([...wanted].map(async (path) => [path, await this.#contentOf(path)] as const)))
  }

  /** Which file stood at a path when it was last read; nothing where it could not be. */
  stampOf(path: string): string | undefined {
    return this.#known.get(path)?.signature
  }

  async #contentOf(path: string): Promise<Content> {
    const now = Date.now()
    try {
      const real = await realpath(path)
      const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs, mode } = await stat(real, { bigint: true })
      const signature = [real, dev, ino, size, mtimeNs, ctimeNs, mode].join('\0')
      const known = this.#known.get(path)
      if (known?.signature === signature && known.settled) return known.content
      const content = real + (isRegular(mode) ? await hash(real, size, mtimeNs) : await listing(path))
      this.#known.set(path, { signature, content, settled: Number(ctimeMs) < now - COARSE_DATE_MS })
      return content
    } catch (thrown) {
      this.#known.delete(path)
      const code = codeOf(thrown)
      if (code !== 'ENOENT' && code !== 'ENOTDIR') return `\0unreadable: ${String(code)}`
      // A path without the extension of its file is absent too; it still says whether its folder is another one.
      return (await realpath(dirname(path)).catch(() => '')) + ABSENT
    }
  }
}

/** Whether it looks like the middle of a change: many programs empty or delete a file before they write it. */
export function isUnfinished(content: Content | undefined): boolean {
  return content?.endsWith(ABSENT) === true || content?.endsWith(EMPTY) === true
}

/** Whether what stood at a path was a file with this text. */
export function holdsText(content: Content, text: string): boolean {
  return content.endsWith(`\0${createHash('sha256').update(text).digest('hex')}`)
}

/** Whether a file was created, written or put in its place at this time or later; what is absent was not. */
export async function changedSince(path: string, time: number): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined)
  return stats !== undefined && Math.max(stats.ctimeMs, stats.mtimeMs) >= time - CLOCK_TICK_MS
}

function isRegular(mode: bigint): boolean {
  return (mode & 0o170000n) === 0o100000n
}

/** The names in a folder, for a path that ends with a separator; those that begin with a dot are on their way. */
async function listing(path: string): Promise<string> {
  const names = path.endsWith(sep) ? await readdir(path) : []
  return `\0${
    names
      .filter((name) => !name.startsWith('.'))
      .sort()
      .join('\0') || 'not a file'
  }`
}

/** Of a file that is too large to be a config, size and date stand for its content. */
async function hash(file: string, size: bigint, mtimeNs: bigint): Promise<string> {
  if (size > MAX_CONFIG_BYTES) return `\0${size} bytes of ${mtimeNs}`
  const bytes = await readFile(file)
  return bytes.length === 0 ? EMPTY : `\0${createHash('sha256').update(bytes).digest('hex')}`
}
