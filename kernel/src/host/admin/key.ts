import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createPrivateDirectory, writePrivateFile } from '../../load/private-files.ts'

/** The key of the admin plane: 256 random bits, made at the first start and kept in `run/admin.key`. */
export async function readAdminKey(home: string): Promise<string> {
  const kept = await readKey(home)
  if (/^[0-9a-f]{64}$/.test(kept)) return kept
  const key = randomBytes(32).toString('hex')
  await createPrivateDirectory(join(home, 'run'))
  await keepAdminKey(home, key)
  return key
}

/** Puts the key where commands read it, unless it is there. */
export async function keepAdminKey(home: string, key: string): Promise<void> {
  if ((await readKey(home)) !== key) await writePrivateFile(fileOf(home), `${key}\n`)
}

function readKey(home: string): Promise<string> {
  return readFile(fileOf(home), 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
}

function fileOf(home: string): string {
  return join(home, 'run', 'admin.key')
}
