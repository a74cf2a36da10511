import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { CcrError, messageOf } from '@ccr/sdk'
import { Parser, type ReadEntry } from 'tar'
import { codeOf } from '../load/code-of.ts'

/** What an archive holds, by path inside the package. */
export type PackageFiles = ReadonlyMap<string, Buffer>

/** What is taken of an archive; sizes in bytes. */
export interface ArchiveLimits {
  readonly packedBytes: number
  readonly unpackedBytes: number
  readonly fileBytes: number
  readonly files: number
  /** Unpacked bytes for each packed one, above the first MiB. */
  readonly ratio: number
}

/** The limits for plugins. */
export const ARCHIVE_LIMITS: ArchiveLimits = {
  packedBytes: 20 * 1024 * 1024,
  unpackedBytes: 100 * 1024 * 1024,
  fileBytes: 32 * 1024 * 1024,
  files: 10_000,
  ratio: 100,
}

const MIB = 1024 * 1024
/** How gzip and Zstandard data begins. */
const MAGICS = [Buffer.from([0x1f, 0x8b]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])]
const MAX_PATH = 400

/** The integrity of an archive as registries write it. */
export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`
}

/**
 * Reads a package archive (`.tgz`) into memory without writing or running anything. What is not a plain file or folder
 * with a plain name inside the package makes all of it unusable.
 *
 * @throws CcrError `CCR_INSTALL_PACKAGE`
 */
export function readArchive(bytes: Uint8Array, limits: ArchiveLimits = ARCHIVE_LIMITS): PackageFiles {
  if (bytes.length > limits.packedBytes) throw refused(`it is larger than ${limits.packedBytes} bytes`)
  const files = new Map<string, Buffer>()
  const seen: Seen = { files: new Set(), folders: new Set() }
  let fault: CcrError | undefined
  const parser = new Parser({
    strict: true,
    maxMetaEntrySize: MIB,
    onReadEntry: (entry) => {
      try {
        const path = checkEntry(entry, limits, seen)
        if (path !== undefined) collect(entry, (content) => void files.set(path, content))
        else entry.resume()
      } catch (thrown) {
        fault ??= thrown as CcrError
        entry.resume()
      }
    },
  })
  parser.on('error', (thrown: unknown) => {
    fault ??= refused(`it is not a tar archive: ${messageOf(thrown)}`)
  })
  parser.end(unpack(bytes, limits))
  if (fault !== undefined) throw fault
  if (files.size === 0) throw refused('it holds no files')
  return files
}

/** All at once, since the size of the result is bounded before it is made. */
function unpack(bytes: Uint8Array, { unpackedBytes, ratio }: ArchiveLimits): Buffer {
  const maxOutputLength = Math.min(unpackedBytes, MIB + bytes.length * ratio)
  let unpacked: Buffer
  try {
    unpacked = gunzipSync(bytes, { maxOutputLength })
  } catch (thrown) {
    if (codeOf(thrown) === 'ERR_BUFFER_TOO_LARGE') throw refused(`it unpacks to more than ${maxOutputLength} bytes`)
    throw refused(`it is not a .tgz: ${messageOf(thrown)}`)
  }
  // The parser would unpack what is packed twice, without a bound.
  const isPacked = MAGICS.some((magic) => unpacked.subarray(0, magic.length).equals(magic))
  if (isPacked) throw refused('it is packed more than once')
  return unpacked
}

/** What there is already, in one form for all names that some systems take for the same. */
interface Seen {
  readonly files: Set<string>
  readonly folders: Set<string>
}

/** A colon or backslash is a path to Windows; the others steer a terminal, or show a name as another one. */
const MISLEADING = /[\\:\0-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/

/** The path of a file inside the package; nothing for a folder. */
function checkEntry(entry: ReadEntry, { files, fileBytes }: ArchiveLimits, seen: Seen): string | undefined {
  const name = JSON.stringify(entry.path)
  if (!['File', 'OldFile', 'ContiguousFile', 'Directory'].includes(entry.type)) {
    throw refused(`${name} is a ${entry.type}, and only files and folders are taken`)
  }
  if ((entry.size ?? 0) > fileBytes) throw refused(`${name} is larger than ${fileBytes} bytes`)
  const parts = entry.path.replace(/\/$/, '').split('/')
  const isStrange = parts.some((part) => part === '' || part === '.' || part === '..' || part.length > 255)
  // The first part is a folder of any name, as npm has it.
  if (isStrange || MISLEADING.test(entry.path) || entry.path.length > MAX_PATH) {
    throw refused(`${name} is not a plain path inside the package`)
  }
  const path = parts.slice(1).join('/')
  if (entry.type === 'Directory') return undefined
  if (path === '') throw refused(`${name} stands beside the package`)
  if (seen.files.size >= files) throw refused(`it holds more than ${files} files`)
  checkPlace(path, name, seen)
  return path
}

function checkPlace(path: string, name: string, { files, folders }: Seen): void {
  const folded = path.normalize('NFC').toLowerCase()
  if (files.has(folded)) throw refused(`${name} is there twice, in names that some systems take for the same`)
  const above = folded.split('/').map((_, index, parts) => parts.slice(0, index).join('/'))
  const isBoth = folders.has(folded) || above.some((folder) => files.has(folder))
  if (isBoth) throw refused(`${name} needs what is both a file and a folder`)
  files.add(folded)
  for (const folder of above) folders.add(folder)
}

function collect(entry: ReadEntry, done: (content: Buffer) => void): void {
  const chunks: Buffer[] = []
  entry.on('data', (chunk) => void chunks.push(chunk))
  entry.on('end', () => done(Buffer.concat(chunks)))
}

function refused(fact: string): CcrError {
  return new CcrError('CCR_INSTALL_PACKAGE', `the archive cannot be used: ${fact}. Ask its author for another one.`)
}
