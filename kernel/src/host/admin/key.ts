import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createPrivateDirectory, writePrivateFile } from '../../load/private-files.ts'

/** The key of the admin plane: 256 random bits, made at the first start and kept in `run/admin.key`. */
export async function readAdminKey(home: string): Promise<string> {
  const file = join(home, 'run', 'admin.key')
  const kept = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
  if (/^[0-9a-f]{64}$/.test(kept)) return kept
  const key = randomBytes(32).toString('hex')
  await createPrivateDirectory(join(home, 'run'))
  await writeAdminKey(home, key)
  return key
}

/** Puts the key where commands read it. */
export function writeAdminKey(home: string, key: string): Promise<void> {
  return writePrivateFile(join(home, 'run', 'admin.key'), `${key}\n`)
}
