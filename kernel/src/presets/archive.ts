import { CcrError, isCcrError, messageOf } from '@ccr/sdk'
import { readArchive, type ArchiveLimits } from '../install/archive.ts'

/** A preset is one small file; its package needs little more. */
const LIMITS: ArchiveLimits = {
  packedBytes: 5 * 1024 * 1024,
  unpackedBytes: 5 * 1024 * 1024,
  fileBytes: 1024 * 1024,
  files: 200,
  ratio: 100,
}

/**
 * The text of a manifest in the bytes of a file, or of a package that npm has packed. Nothing is written.
 *
 * @param label names them in errors
 * @throws CcrError `CCR_PRESET_INVALID`
 */
export function manifestText(bytes: Uint8Array, label: string): string {
  const [first, second] = bytes
  if (first === 0x50 && second === 0x4b) {
    throw refused(label, 'it is a zip archive, and a preset is one file', 'Unpack it, and give its manifest.json.')
  }
  return first === 0x1f && second === 0x8b ? manifestInPackage(bytes, label) : Buffer.from(bytes).toString('utf8')
}

function manifestInPackage(bytes: Uint8Array, label: string): string {
  try {
    const manifest = readArchive(bytes, LIMITS).get('manifest.json')
    if (manifest !== undefined) return manifest.toString('utf8')
  } catch (thrown) {
    const message = isCcrError(thrown) ? messageOf(thrown) : `it cannot be unpacked: ${messageOf(thrown)}`
    throw new CcrError('CCR_PRESET_INVALID', `${label}: ${message}`, { cause: thrown })
  }
  throw refused(label, 'the package has no manifest.json', 'Ask its author for it.')
}

function refused(label: string, fact: string, remedy: string): CcrError {
  return new CcrError('CCR_PRESET_INVALID', `${label} is refused: ${fact}. ${remedy}`)
}
